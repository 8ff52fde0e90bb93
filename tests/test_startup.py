"""What a command imports before it does anything: seconds that everybody waits."""

import subprocess
import sys

import pytest

from tests.conftest import copy_project

HEAVY = {"torch", "recbole", "scipy", "wandb", "IPython", "numba", "optuna", "pyspark"}

UNTIL_THE_FIRST_NODE = """
import os, sys
from kedro.runner.task import Task

def stop(self):
    print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr, flush=True)
    os._exit(0)

Task.execute = stop
sys.argv = ["kedro", "run"]
from kedro.framework.cli import main
main()
"""


@pytest.fixture(scope="module")
def before_the_first_node(tmp_path_factory):
    """Names of what `kedro run` has imported when its first node begins."""
    folder = copy_project(tmp_path_factory.mktemp("started") / "project")
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_THE_FIRST_NODE], cwd=folder, capture_output=True, text=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_a_run_on_the_cpu_waits_for_nothing_that_its_first_node_can_do_without(
    before_the_first_node,
):
    assert {"kedro", "ibis", "seqrec"} <= before_the_first_node
    assert sorted(before_the_first_node & HEAVY) == []

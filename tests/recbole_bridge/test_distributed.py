"""Two processes are one trainer: ``torchrun`` as a user types it."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from tests.cli import QUIET, has_begun, kedro

PARAMETERS = (
    "ss4rec.model.dropout=0.0,ss4rec.training.epochs=1,ss4rec.model.hidden_size=16,"
    "ss4rec.model.max_length=30,ss4rec.model.d_state=4,runtime.device=cpu"
)


def torchrun(project, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, "-m", "kedro", "run", *arguments], cwd=project, text=True, check=False,
        timeout=240,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **QUIET, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture
def prepared(project):
    assert kedro(project, "run", "--pipelines", "data_processing,recbole_format").returncode == 0
    return project


def versions(project, folder, name):
    root = project / "data" / folder / "ml-100k" / "ss4rec" / name
    return [path / name for path in sorted(root.iterdir())]


@pytest.mark.slow
def test_two_processes_end_with_the_metrics_of_one(prepared):
    training = ["--pipelines", "train_ss4rec", "--params", PARAMETERS]
    assert kedro(prepared, "run", *training).returncode == 0
    done = torchrun(prepared, *training[:-1], f"{PARAMETERS},resume=false")  # anew, not again
    assert done.returncode == 0, done.stdout
    one, two = (pd.read_csv(path) for path in versions(prepared, "06_models", "history.csv"))
    metrics = ["loss", "NDCG@10", "HR@10", "MRR@20"]
    pd.testing.assert_frame_equal(one[metrics], two[metrics], rtol=1e-4)
    alone, shared = (
        pd.read_parquet(path).sort_values(["user_id", "mask", "query_time"], ignore_index=True)
        for path in versions(prepared, "07_model_output", "target_ranks.parquet")
    )
    assert (alone["user_id"] == shared["user_id"]).all()
    assert (alone["rank"] == shared["rank"]).mean() > 0.98
    assert done.stdout.count("ss4rec epoch   0") == 1, done.stdout


def test_torchrun_is_refused_for_pipelines_that_every_process_would_repeat(project):
    done = torchrun(project, "--pipelines", "data_processing")
    assert done.returncode == 1
    assert "torchrun shares training only" in done.stdout
    assert not has_begun(done.stdout)

"""The long experiment of `benchmarks` is made of commands that exist, for every model there is."""

import argparse
import importlib

import pytest

from seqrec.model_registry import MODELS, RANKERS
from seqrec.pipeline_registry import register_pipelines
from tests.conftest import ROOT


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("experiment")


def value_of(command, option):
    return command[command.index(option) + 1]


def test_every_model_is_trained_and_every_baseline_ranked(experiment):
    asked = argparse.Namespace(
        env="smoke", seeds=[1, 2], models=list(MODELS), ablations=[], params=[], training=[]
    )
    stages = experiment.commands(asked)
    commands = [command for stage in stages for row in stage for command in row]
    pipelines = [value_of(command, "--pipelines") for command in commands]
    known = register_pipelines()
    assert {name for names in pipelines for name in names.split(",")} <= set(known)
    assert all(pipelines.count(f"train_{model}") == 2 for model in MODELS)
    (untrained,) = (command for command in commands if "--namespaces" in command)
    baselines = {name for name, spec in RANKERS.items() if not spec.compared}
    assert set(value_of(untrained, "--namespaces").split(",")) == baselines

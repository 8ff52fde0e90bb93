"""Which runs W&B hears of, as which run, and what it never hears."""

import threading

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from seqrec.errors import ProjectError, RunInterruptedError
from seqrec.hooks import tracking
from seqrec.hooks.tracked_runs import TRACKED_RUN, is_tracked, remember
from seqrec.hooks.tracking import TrackingHooks
from seqrec.pipeline_registry import register_pipelines
from tests.conftest import ROOT

PIPELINES = register_pipelines()


class FakeRun:
    """A W&B run that remembers what it was given."""

    offline = True
    dir = "."

    def __init__(self, run_id, config):
        self.id = run_id
        self.config = config
        self.artifacts = []

    def log_artifact(self, artifact):
        self.artifacts.append(artifact)

    def finish(self, exit_code):
        self.exit_code = exit_code


class Runs:
    """Runs of the project on one data folder, with W&B's side in `opened`."""

    def __init__(self, folder):
        bootstrap_project(ROOT)
        self.opened = []
        self._folder = folder
        self._count = 0

    def open(self, _tracking, _mode, run_id, _folder, config):
        self.opened.append(FakeRun(run_id, config))
        return self.opened[-1]

    def run(self, *names, error=None, **params):
        """Run pipelines, as far as tracking sees it; return the hooks."""
        self._count += 1
        params = {"tracking.mode": "offline", "data": str(self._folder), **params}
        nested = {}
        for name, value in params.items():
            *blocks, last = name.split(".")
            inner = nested
            for block in blocks:
                inner = inner.setdefault(block, {})
            inner[last] = value
        run_params = {"run_id": f"run-{self._count}", "env": "smoke", "project_path": str(ROOT)}
        with KedroSession.create(ROOT, env="smoke", runtime_params=nested) as session:
            context = session.load_context()
            hooks = TrackingHooks()
            hooks.after_context_created(context=context)
            pipeline = sum((PIPELINES[name] for name in names), start=Pipeline([]))
            hooks.before_pipeline_run(
                run_params=run_params, pipeline=pipeline, catalog=context.catalog
            )
        if error is None:
            hooks.after_pipeline_run()
        else:
            hooks.on_pipeline_error(error=error)
        return hooks

    @property
    def ids(self):
        return [run.id for run in self.opened]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    for name in ("WANDB_MODE", "WANDB_RUN_ID", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Runs(tmp_path / "data")
    monkeypatch.setattr(tracking, "open_run", made.open)
    return made


INTERRUPTED = RunInterruptedError("stopped")


def test_what_trains_searches_or_evaluates_is_a_run_and_nothing_else(runs):
    tracked = {name for name, pipeline in PIPELINES.items() if is_tracked(pipeline)}
    experiments = ("train_", "search_", "evaluation", "__default__")
    assert tracked == {name for name in PIPELINES if name.startswith(experiments)}
    runs.run("data_processing", "recbole_format")
    assert runs.opened == []


def test_an_interrupted_training_goes_on_as_the_same_run(runs):
    runs.run("recbole_format", "train_ncf", "train_ss4rec", error=INTERRUPTED)
    runs.run("data_processing", "recbole_format", error=ProjectError("no Java"))
    more = {"ncf.training.epochs": 99, "runtime.eval_batch_size": 7, "resume": True}
    runs.run("train_ncf", "evaluation", error=INTERRUPTED, **more)
    runs.run("train_ncf", "train_ss4rec", **more)
    runs.run("train_ncf", **more)
    assert runs.ids == ["run-1", "run-1", "run-1", "run-5"]


@pytest.mark.parametrize(
    ("names", "params"),
    [
        (["train_ncf"], {"ncf.model.dropout": 0.2}),
        (["train_ncf"], {"ncf.training.seed": 1}),
        (["train_ncf"], {"data_processing.tie_policy": "group"}),
        (["train_ss4rec"], {}),
        (["train_ncf", "train_ss4rec"], {}),
        (["evaluation"], {}),
        (["train_ncf"], {"resume": False}),
    ],
    ids=["model", "training", "data", "another", "more", "evaluation", "anew"],
)
def test_another_experiment_is_another_run(runs, names, params):
    runs.run("train_ncf", error=ProjectError("out of memory"))
    runs.run(*names, **{"resume": True, **params})
    assert runs.ids == ["run-1", "run-2"]


def test_runs_that_end_at_the_same_time_are_all_remembered(runs):
    catalog = runs.run("train_ncf")._catalog
    told = {model: (catalog, f"run-{model}", {model: "…"}, False) for model in "abcdefgh"}
    threads = [threading.Thread(target=remember, args=args) for args in told.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert catalog.load(TRACKED_RUN).keys() == {"ncf", *told}


def test_what_earlier_versions_remembered_says_nothing(runs):
    runs.run("train_ncf", error=INTERRUPTED)
    (noted,) = runs._folder.rglob("tracked_run.json")
    noted.write_text('{"id": "of-whatever", "finished": false}')
    runs.run("train_ncf", resume=True)
    assert runs.ids == ["run-1", "run-2"]


def test_the_credentials_of_a_mirror_are_not_sent(runs):
    runs.run("train_ncf", mirror="http://user:canary-password@mirror/movielens")
    (run,) = runs.opened
    assert run.config["mirror"] == "http://<credentials>@mirror/movielens"
    assert "canary" not in str(run.config)


def test_the_report_stays_here(runs, tmp_path):
    """It shows some users' ids with their last items."""
    hooks = runs.run("evaluation")
    (run,) = runs.opened
    hooks._run = run
    report = tmp_path / "report.html"
    report.touch()
    hooks._catalog = {"report": type("Report", (), {"_get_load_path": lambda _: report})()}
    hooks._dataset = lambda: "toy"
    hooks.after_dataset_saved(dataset_name="report", data="user 7, last seen: Fargo")
    assert run.artifacts == []

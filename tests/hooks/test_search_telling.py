"""A search is told as a search: no trial passes for a training of the model."""

import pytest
from kedro.io import DataCatalog

from seqrec.datasets.callbacks import CallbacksDataset
from seqrec.hooks.notifications import NotificationHooks
from seqrec.hooks.tracking import TrackingHooks
from seqrec.parameters import Notifications
from seqrec.pipeline_registry import register_pipelines
from seqrec.recbole_bridge.api import train
from seqrec.training.studies import StudyStore
from tests.conftest import CPU
from tests.pipelines.test_search import ncf, search_ncf
from tests.recbole_bridge.helpers import experiment_of


class FakeRun:
    """A W&B run that remembers what it was told."""

    def __init__(self):
        self.logged = []
        self.summary = {}
        self.offline = True

    def log(self, values):
        self.logged.append(values)


class FakeDiscord:
    """A channel that remembers its messages."""

    def __init__(self):
        self.messages = []

    def post(self, text):
        self.messages.append(text)


@pytest.fixture
def told():
    """W&B, Discord, and a catalog whose trainings tell both."""
    tracking = TrackingHooks()
    notifications = NotificationHooks()
    tracking._run = FakeRun()
    notifications._discord = FakeDiscord()
    notifications._subject = "**toy**"
    notifications._parameters = type("P", (), {"notifications": Notifications(best_minutes=1e-9)})
    catalog = DataCatalog({"callbacks": CallbacksDataset()})
    for callback in (tracking._log_epoch, notifications._tell_best):
        catalog["callbacks"].load().add(callback)
    return tracking, notifications, catalog


def test_a_search_of_three_trials_is_one_table_and_one_message(files, tmp_path, told):
    tracking, notifications, _ = told
    trials = search_ncf(files, ncf(3), CPU, StudyStore(tmp_path / "study.db"))
    for hooks in (tracking, notifications):
        hooks.after_dataset_saved(dataset_name="ncf.trials", data=trials)
    assert [list(values) for values in tracking._run.logged] == [["ncf.trials"]]
    assert tracking._run.summary == {}
    assert len(notifications._discord.messages) == 1
    best = trials["valid_metric"].max()
    assert (
        f"search of ncf: 3 trials, best validation {best:.4f}"
        in (notifications._discord.messages[0])
    )


def test_a_training_tells_its_epochs(files, told):
    tracking, notifications, catalog = told
    train(experiment_of("ncf"), files, callback=catalog["callbacks"].load())
    assert [values["ncf/epoch"] for values in tracking._run.logged] == [0, 1]
    assert "ncf/best_NDCG@10" in tracking._run.summary
    assert "ncf has a new best" in notifications._discord.messages[0]


def test_trainings_are_handed_the_runs_callbacks_and_searches_are_not():
    pipelines = register_pipelines()
    for name, pipeline in pipelines.items():
        has = "callbacks" in pipeline.inputs()
        assert has == (name.startswith("train_") or name == "__default__"), name

"""Runs at the same time in one folder: each ends as it would alone."""

import json
import shutil
import time

import pandas as pd
import pytest

from seqrec.datasets.table import TableDataset
from seqrec.engine.locks import OwnedLock
from seqrec.hooks import ensemble
from seqrec.recbole_bridge import api
from seqrec.tables import columns as c
from tests.legacy.make_324c47b import DATASET
from tests.toy import ALL, DATA, Folder, configure, log_with_ties, start

LIKED = {"data_processing": {"min_rating": 3, "user_core": 3}}
AS_OPTIONS = "source.rating=rating,data_processing.min_rating=3,data_processing.user_core=3"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A folder in which nothing has run; its ratings are 1 to 5."""
    log = log_with_ties()
    log[c.RATING] = log.index % 5 + 1
    return configure(tmp_path_factory.mktemp("empty") / "project", log)


@pytest.fixture
def copy(empty, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    return lambda name: Folder(empty, tmp_path / name)


def run(folder, pipelines, parameters):
    """Run a command that reads ratings; return the line that it is refused with, or None."""
    source = {"path": str(folder.project.folder / "log.csv"), "rating": c.RATING}
    return folder.type(pipelines, {"source": source, **parameters})


def interactions(folder):
    """The interactions of each run, oldest first."""
    versions = folder.project.folder / "data/03_primary" / DATASET / "interactions.parquet"
    ordered = sorted(path.parent for path in versions.glob("*/manifest.json"))
    return [pd.read_parquet(path / "interactions.parquet") for path in ordered]


def stats(folder):
    """The statistics beside each run's atomic files, oldest first."""
    files = folder.project.folder / "data/05_model_input" / DATASET
    return [json.loads(path.read_text()) for path in sorted(files.glob("*/*/*/stats.json"))]


def printed(running):
    return " ".join(running.output.read_text().split())


def until(running, text):
    """Wait until a process prints a text, or ends."""
    while running.poll() is None and text not in printed(running):
        time.sleep(0.05)


def test_of_two_data_runs_the_second_waits_and_is_told_for_whom(copy, monkeypatch):
    """What one sets down on the way to its result, the other must not take for its own."""
    alone = [copy("first"), copy("second")]
    assert run(alone[0], DATA, {}) is None
    assert run(alone[1], DATA, LIKED) is None

    both = copy("both")
    save = TableDataset.save
    others = []

    def start_another(dataset, data):
        save(dataset, data)
        if not others:
            others.append(start(both.project.folder, DATA, AS_OPTIONS))
            until(others[0], "this run waits")

    monkeypatch.setattr(TableDataset, "save", start_another)
    assert run(both, DATA, {}) is None
    assert others[0].wait(60) == 0, printed(others[0])
    assert "the data of toy are being made by process " in printed(others[0])

    for found, (expected,) in zip(interactions(both), map(interactions, alone), strict=True):
        pd.testing.assert_frame_equal(found, expected)
    assert stats(both) == [*stats(alone[0]), *stats(alone[1])]


def test_a_report_is_of_the_runs_own_data_whatever_is_made_meanwhile(copy, monkeypatch):
    """The lock is free while models train, so the data can be made anew then."""
    folder = copy("project")
    train = api.train
    others = []

    def train_later(*arguments):
        if not others:
            others.append(start(folder.project.folder, DATA, AS_OPTIONS))
            assert others[0].wait(60) == 0, printed(others[0])
        return train(*arguments)

    monkeypatch.setattr(api, "train", train_later)
    assert run(folder, ALL, {}) is None
    reports = folder.project.folder / "data/08_reporting" / DATASET
    (compared,) = reports.glob("compared.json/*/compared.json")
    (report,) = reports.glob("report.html/*/report.html")
    own, other = stats(folder)
    assert own["fingerprint"] != other["fingerprint"]
    assert json.loads(compared.read_text())["data"] == own["fingerprint"]
    assert f"{own['interactions']:,} interactions" in report.read_text()
    assert f"{other['interactions']:,} interactions" not in report.read_text()


def test_a_run_that_is_refused_leaves_no_lock(copy):
    folder = copy("project")
    shutil.rmtree(folder.project.folder / "data", ignore_errors=True)
    complaint = folder.type(DATA, {"source": {"path": "nowhere.csv"}})
    assert "nowhere.csv" in complaint
    assert not list(folder.project.folder.glob("data/*/*"))
    assert folder.type(DATA, {}) is None


def test_an_ensemble_chooses_its_members_while_nobody_makes_data(copy, monkeypatch):
    """Afterwards the data are free: it only reads them."""
    folder = copy("project")
    assert run(folder, DATA, {}) is None
    lock = folder.project.folder / "data/02_intermediate" / DATASET / "data.lock"
    choose_members = ensemble.choose_members
    was_free = []

    def choose(*arguments):
        was_free.append(OwnedLock(lock).acquire(0))
        return choose_members(*arguments)

    monkeypatch.setattr(ensemble, "choose_members", choose)
    assert "no training of the present configuration" in run(folder, ("ensemble",), {})
    assert was_free == [False]
    assert OwnedLock(lock).acquire(0)

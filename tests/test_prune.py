"""What can go and what stays, and that nothing goes unasked."""

import json
import shutil

import pandas as pd
import pytest
from kedro.io.core import Version

from seqrec.artefacts.latest import show_latest
from seqrec.artefacts.manifest import MANIFEST
from seqrec.datasets.artefact import ArtefactDataset
from seqrec.errors import ProjectError
from seqrec.prune import plan_prune, prune, size_of

DAYS = [f"2026-01-0{day}T00.00.00.000Z" for day in range(1, 5)]


def save(folder, path, version, value=0, **facts):
    """Save a table as a run does, with a manifest beside it."""
    dataset = ArtefactDataset(
        filepath=str(folder / path),
        dataset={"type": "pandas.CSVDataset"},
        version=Version(None, version),
    )
    dataset.run_facts = facts
    dataset.save(pd.DataFrame({"value": [value]}))


def train(folder, version, seed, model="ncf"):
    """Leave what a training leaves."""
    weights = folder / "06_models/toy" / model / "weights" / version / "weights"
    weights.mkdir(parents=True)
    config = {"name": model, "model": {}, "training": {"seed": seed}, "data": "abc"}
    (weights / "config.json").write_text(json.dumps(config))
    save(folder, f"06_models/toy/{model}/history.csv", version)
    save(folder, f"07_model_output/toy/{model}/target_ranks.parquet", version)


def planned(folder, *keep):
    return [str(path.relative_to(folder)) for path in plan_prune(folder, keep)]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    for version in DAYS[:3]:
        save(folder, "08_reporting/toy/comparison.csv", version)
    return folder


def test_all_but_the_newest_can_go_and_nothing_goes_unasked(data):
    before = sorted(data.rglob("*"))
    plan = plan_prune(data)
    assert [path.name for path in plan] == DAYS[:2]
    assert sorted(data.rglob("*")) == before
    assert all(size_of(path) > 0 for path in plan)
    prune(plan)
    folder = data / "08_reporting/toy/comparison.csv"
    assert [path.name for path in folder.iterdir()] == [DAYS[2]]
    assert plan_prune(data) == []


def test_the_newest_is_the_one_written_last_whatever_its_name(data):
    before = "2025-12-31T00.00.00.000Z"
    save(data, "08_reporting/toy/comparison.csv", before)
    assert [path.name for path in plan_prune(data)] == DAYS[:3]


def test_versions_that_are_named_stay(data):
    assert [path.name for path in plan_prune(data, [DAYS[0]])] == [DAYS[1]]
    with pytest.raises(ProjectError, match=r"no version 'yesterday'.*nothing is removed"):
        plan_prune(data, ["yesterday"])


def test_what_is_no_version_or_cannot_be_read_stays(data):
    folder = data / "08_reporting/toy/comparison.csv"
    shutil.copytree(folder / DAYS[0], folder / "my copy")
    (folder / DAYS[1] / MANIFEST).write_text("{")
    assert planned(data) == [f"08_reporting/toy/comparison.csv/{DAYS[0]}"]


def test_links_are_not_followed(data, tmp_path):
    for version in DAYS[:2]:
        save(tmp_path / "elsewhere", "report.csv", version)
    (data / "08_reporting/toy/link").symlink_to(tmp_path / "elsewhere")
    assert not [path for path in planned(data) if "link" in path]


def test_every_training_that_the_leaderboard_counts_stays(data):
    """Seeds are trainings of their own; the same training anew replaces the old one."""
    for version, seed in zip(DAYS, (1, 2, 1, 3), strict=True):
        train(data, version, seed)
    model_files = [path for path in planned(data) if "comparison" not in path]
    assert sorted(model_files) == [
        f"06_models/toy/ncf/history.csv/{DAYS[0]}",
        f"06_models/toy/ncf/weights/{DAYS[0]}",
        f"07_model_output/toy/ncf/target_ranks.parquet/{DAYS[0]}",
    ]


def test_every_ensemble_that_the_leaderboard_counts_stays(data):
    """Other members or other data are another ensemble; the order of members is none."""
    path = "07_model_output/toy/ensemble/target_ranks.parquet"
    made = [("ab", 1), ("ac", 1), ("ba", 1), ("ab", 2)]
    for version, (members, now) in zip(DAYS, made, strict=True):
        save(data, path, version, data=now, members=[{"fingerprint": name} for name in members])
    assert [found for found in planned(data) if "ensemble" in found] == [f"{path}/{DAYS[0]}"]


def test_weights_whose_configuration_cannot_be_read_stay(data):
    for version in DAYS:
        train(data, version, seed=1)
    config = data / "06_models/toy/ncf/weights" / DAYS[1] / "weights/config.json"
    config.write_text("{")
    assert not [path for path in planned(data) if "ncf" in path and DAYS[1] in path]


@pytest.mark.parametrize("links", [True, False])
def test_the_latest_has_a_fixed_path(tmp_path, monkeypatch, links):
    if not links:

        def refuse(*_, **__):
            raise OSError("no links here")

        monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    for version in DAYS[:2]:
        report = tmp_path / "data/report.html" / version / "report.html"
        report.parent.mkdir(parents=True)
        report.write_text(version)
        latest = show_latest(report)
        assert latest == tmp_path / "data/latest_report.html"
        assert latest.read_text() == version
    assert latest.is_symlink() == links
    shutil.move(tmp_path / "data", tmp_path / "moved")
    assert (tmp_path / "moved/latest_report.html").read_text() == DAYS[1]
    assert len(list((tmp_path / "moved").iterdir())) == 2

"""What pipelines only load says so, in one line that names who writes it."""

import pytest
from kedro.io import AbstractDataset

from seqrec.errors import ProjectError
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.studies import StudyStore
from tests.conftest import DUCKDB

SOURCE = {"dataset": "ml-100k", "filepath": "raw"}
ENTRIES = {
    "ratings.RatingsDataset": {**SOURCE, "engine": DUCKDB, "rejects": "rejects.csv"},
    "properties.PropertiesDataset": {**SOURCE, "of": "movies"},
    "trained_models.TrainedModelsDataset": {"outputs": "output", "models": "models"},
    "trained_weights.TrainedWeightsDataset": {"models": "models"},
    "checkpoints.CheckpointsDataset": {"filepath": "checkpoints"},
    "study.StudyDataset": {"filepath": "study.db"},
    "callbacks.CallbacksDataset": {},
    "folder.FolderDataset": {"filepath": "folder"},
}


def make(kind, **options):
    return AbstractDataset.from_config("entry", {"type": f"seqrec.datasets.{kind}", **options})


@pytest.mark.parametrize("kind", ENTRIES)
def test_saving_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    dataset = make(kind, **ENTRIES[kind])
    with pytest.raises(ProjectError, match=r"^\w+Dataset is read-only: [^\n]+$"):
        dataset.save("anything")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "loaded"),
    [
        ("checkpoints.CheckpointsDataset", CheckpointStore),
        ("study.StudyDataset", StudyStore),
        ("folder.FolderDataset", lambda path: path),
    ],
)
def test_a_place_is_there_before_it_has_a_content(tmp_path, kind, loaded):
    dataset = make(kind, filepath=str(tmp_path / "place"))
    assert dataset.exists()
    assert dataset.load() == loaded(tmp_path / "place")
    assert not list(tmp_path.iterdir())

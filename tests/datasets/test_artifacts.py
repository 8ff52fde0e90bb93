"""Versioned folders appear whole or not at all."""

import json

import pytest
import torch
from kedro.io import DatasetError
from kedro.io.core import Version

from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.engine.atomic_write import new_directory
from seqrec.models.artifact import ModelArtifact


def test_a_failure_half_way_leaves_nothing(tmp_path):
    def fail_half_way():
        with new_directory(tmp_path / "target") as scratch:
            (scratch / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old").write_text("old")

    def fail():
        with new_directory(tmp_path / "target"):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert (tmp_path / "target" / "old").read_text() == "old"


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    shared = torch.randn(3, 2)
    saved = ModelArtifact({"a": shared, "tied": shared, "b": torch.arange(4)}, {"name": "toy"})
    dataset = ModelArtifactDataset(filepath=str(tmp_path / "model"), version=Version(None, None))
    assert not dataset.exists()
    dataset.save(saved)
    loaded = dataset.load()
    assert loaded.config == saved.config
    assert all(torch.equal(loaded.weights[name], saved.weights[name]) for name in saved.weights)
    assert json.loads(dataset.preview()) == {"name": "toy"}
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"model.safetensors", "config.json", "manifest.json"}


def test_a_model_that_cannot_be_saved_leaves_no_version(tmp_path):
    dataset = ModelArtifactDataset(filepath=str(tmp_path / "model"), version=Version(None, None))
    with pytest.raises(DatasetError):
        dataset.save(ModelArtifact({"a": torch.zeros(1)}, {"name": object()}))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_recboles_reserved_name_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="RecBole reserves the name 'ml-100k'"):
        AtomicFilesDataset.from_config(
            "atomic_files",
            {"type": AtomicFilesDataset, "filepath": str(tmp_path / "ml-100k")},
        )

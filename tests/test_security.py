"""Nothing that is read can run code, and nothing is written outside its folder."""

import pickle
import zipfile

import numpy as np
import pytest
import torch

from seqrec import columns as c
from seqrec.datasets.checkpoints import CheckpointStore
from seqrec.datasets.movielens import MovieLensDataset
from seqrec.recbole_bridge.api import rank, train
from tests.conftest import CPU, MODEL_OF, training


@pytest.mark.parametrize("name", list(MODEL_OF))
def test_no_pickle_is_loaded_on_the_whole_way(name, files, tmp_path, monkeypatch):
    def refuse(*_, **__):
        pytest.fail("a pickle is loaded")

    for module, function in ((torch, "load"), (pickle, "load"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, function, refuse)
    load = np.load
    monkeypatch.setattr(np, "load", lambda *a, **k: load(*a, **{**k, "allow_pickle": False}))
    store = CheckpointStore(tmp_path / "checkpoints")
    train(name, files, MODEL_OF[name](), training(name, epochs=1), CPU, store)
    artifact, _ = train(name, files, MODEL_OF[name](), training(name), CPU, store, resume=True)
    assert len(rank(artifact, files, CPU)) > 0


def test_an_archive_cannot_write_outside(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    with zipfile.ZipFile(raw / "ml-latest-small.zip", "w") as archive:
        archive.writestr("../evil", "x")
        archive.writestr("ml-latest-small/../../evil", "x")
        text = "userId,movieId,rating,timestamp\n1,10,3.5,964982703\n"
        archive.writestr("ml-latest-small/ratings.csv", text)
    dataset = MovieLensDataset(release="ml-latest-small", table="ratings", filepath=str(raw))
    dataset.preflight()
    assert dataset.load()[c.USER].tolist() == [1]
    assert [path.name for path in tmp_path.rglob("*")] == ["raw", "ml-latest-small.zip"]

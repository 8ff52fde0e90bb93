"""Nothing that is read can run code, and nothing is written outside its folder."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.recbole_bridge.api import rank, train
from seqrec.tables import columns as c
from seqrec.training.checkpoints import CheckpointStore
from tests.conftest import CPU, MODEL_OF
from tests.recbole_bridge.helpers import experiment_of, train_of
from tests.sources.test_movielens import ratings_of


@pytest.mark.parametrize("name", list(MODEL_OF))
def test_no_pickle_is_loaded_on_the_whole_way(name, files, tmp_path, monkeypatch):
    # Numba keeps compiled kernels as pickles in the user's own cache: they are loaded by now.
    train_of(name, files, epochs=1)

    def refuse(*_, **__):
        pytest.fail("a pickle is loaded")

    class Refusing(pickle.Unpickler):  # a class: some library may derive its own from it
        load = refuse

    for module, function in ((torch, "load"), (pickle, "load")):
        monkeypatch.setattr(module, function, refuse)
    monkeypatch.setattr(pickle, "Unpickler", Refusing)
    load = np.load
    monkeypatch.setattr(np, "load", lambda *a, **k: load(*a, **{**k, "allow_pickle": False}))
    store = CheckpointStore(tmp_path / "checkpoints")
    train(experiment_of(name, epochs=1), files, store)
    artifact, _ = train(experiment_of(name), files, store, resume=True)
    assert len(rank(artifact, files, CPU)) > 0


def test_an_archive_cannot_write_outside(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    with zipfile.ZipFile(raw / "ml-latest-small.zip", "w") as archive:
        archive.writestr("../evil", "x")
        archive.writestr("ml-latest-small/../../evil", "x")
        text = "userId,movieId,rating,timestamp\n1,10,3.5,964982703\n"
        archive.writestr("ml-latest-small/ratings.csv", text)
    dataset = ratings_of(raw, "ml-latest-small")
    dataset.preflight()
    assert dataset.load().to_pandas()[c.USER].tolist() == ["1"]
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"raw/ml-latest-small.zip", "raw/ml-latest-small/ratings.csv"}


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = tmp_path / "ml-latest-small.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-latest-small/ratings.csv", bytes(50_000_000))
    with pytest.raises(
        ProjectError, match=r"ratings\.csv would be 50 MB out of 0\.0 MB, which no"
    ):
        ratings_of(tmp_path, "ml-latest-small").load()
    assert list(tmp_path.iterdir()) == [bomb]


def encrypted(path: Path) -> None:
    """Mark a zip's only file as encrypted, in both places where a zip says so."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x03\x04") + 6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


def test_an_encrypted_archive_is_refused_in_one_line(tmp_path):
    locked = tmp_path / "ml-latest-small.zip"
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", "userId,movieId,rating,timestamp\n")
    encrypted(locked)
    with pytest.raises(
        ProjectError, match=r"cannot be unpacked .*is encrypted.*unpack it"
    ) as caught:
        ratings_of(tmp_path, "ml-latest-small").load()
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [locked]


def test_unpacking_follows_no_link(tmp_path):
    outside, raw = tmp_path / "outside.txt", tmp_path / "raw"
    outside.write_text("precious")
    (raw / "ml-latest-small").mkdir(parents=True)
    part = f".ratings.csv.{os.getpid()}.part"
    (raw / "ml-latest-small" / part).symlink_to(outside)
    with zipfile.ZipFile(raw / "ml-latest-small.zip", "w") as archive:
        text = "userId,movieId,rating,timestamp\n1,10,3.5,964982703\n"
        archive.writestr("ml-latest-small/ratings.csv", text)
    assert len(ratings_of(raw, "ml-latest-small").load().to_pandas()) == 1
    assert outside.read_text() == "precious"

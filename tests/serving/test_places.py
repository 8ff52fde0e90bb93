"""A model by the name of an entry of the catalog, or of a W&B artifact."""

import sys
from types import SimpleNamespace

import pytest

import seqrec.project
from seqrec import Recommender
from seqrec.errors import ProjectError
from tests.conftest import ROOT


def test_an_entry_of_the_catalog(home, monkeypatch):
    versions = home.model("ss4rec") / "weights"
    (version,) = versions.iterdir()
    asked = []

    def find_file(config, name):
        asked.append((sorted(config["globals"])[0], name))
        return version / "weights" if name == "ss4rec.weights" else None

    monkeypatch.setattr(seqrec.project, "find_file", find_file)
    monkeypatch.chdir(ROOT)
    assert Recommender.load("ss4rec.weights").version == version.name
    with pytest.raises(ProjectError, match="kedro run --pipelines train_bprmf makes one"):
        Recommender.load("bprmf.weights")
    assert asked == [("data", "ss4rec.weights"), ("data", "bprmf.weights")]


def artifacts(folder):
    """W&B with one artifact."""

    def artifact(name, type):
        if (name, type) != ("us/films/ml-100k-ss4rec:latest", "model"):
            raise ValueError(f"artifact {name} not found\nin the project")
        return SimpleNamespace(download=lambda: str(folder))

    return SimpleNamespace(Api=lambda: SimpleNamespace(artifact=artifact))


def test_an_artifact_of_wandb(home, monkeypatch):
    (version,) = (home.model("ss4rec") / "weights").iterdir()
    monkeypatch.setitem(sys.modules, "wandb", artifacts(version / "weights"))
    name = "wandb:us/films/ml-100k-ss4rec"
    loaded = Recommender.load(f"{name}:latest")
    assert loaded.recommend([("3", 10)]) == home.recommender("ss4rec").recommend([("3", 10)])
    with pytest.raises(ProjectError, match=r"cannot be fetched: artifact .* not found$"):
        Recommender.load(f"{name}:v9")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ProjectError, match="pip install wandb"):
        Recommender.load(f"{name}:latest")

"""Files that commit 324c47b wrote load, resume and mean what they meant."""

import json
import shutil

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

# All that is imported of the project: what moves has to be mended here alone.
from seqrec.parameters.training import EARLIER_MEANING
from seqrec.recbole_bridge.api import rank
from tests.conftest import CPU, ROOT
from tests.legacy.make_324c47b import (
    DATASET,
    FILES,
    FINISHED,
    INTERRUPTED,
    TRAINED,
    VERSION,
    Project,
)

UNTRAINED = {"popularity", "item_knn", "recent_popularity"}
MEASURED = ["train_seconds", "valid_seconds", "targets_per_second", "memory_gib"]
ROUNDING = {"rtol": 1e-4, "atol": 1e-6}
"""What another machine, or another order of the same sums, may change in a short training."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the old files, in which a run may leave what it likes."""
    monkeypatch.chdir(tmp_path)
    return copy_to(tmp_path / "project")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """The catalog over a copy of the old files in which nothing is run."""
    with copy_to(tmp_path_factory.mktemp("legacy") / "project").session() as session:
        yield session.load_context().catalog


def copy_to(folder):
    """Copy the old files; the code, the catalog and other models' parameters are those of now."""
    shutil.copytree(FILES, folder)
    project = Project(ROOT, folder)
    project.configure()
    as_it_was(folder / "conf" / "base" / "parameters_legacy.yml")
    return project


def as_it_was(path):
    """Give the parameters that came later, and whose default is not what the old commit did."""
    blocks = yaml.safe_load(path.read_text())
    for name in TRAINED:
        blocks[name]["training"] |= EARLIER_MEANING
    path.write_text(yaml.safe_dump(blocks))


def written(project, path, version=None):
    """Path of a file's old version, or of the one that a run of the test has added."""
    folder = project.folder / "data" / path
    if version is None:
        (version,) = {path.name for path in folder.iterdir()} - {VERSION}
    return folder / version / folder.name


@pytest.mark.parametrize("name", TRAINED)
def test_old_weights_rank_as_they_did(catalog, name):
    ranks = rank(catalog.load(f"{name}.weights"), catalog.load("atomic_files"), CPU)
    pd.testing.assert_frame_equal(ranks, catalog.load(f"{name}.target_ranks"))


def test_the_same_log_gives_the_same_interactions_and_atomic_files(project):
    project.run("data_processing", "recbole_format")
    path = f"03_primary/{DATASET}/interactions.parquet"
    tables = [pd.read_parquet(written(project, path, version)) for version in (VERSION, None)]
    pd.testing.assert_frame_equal(*tables)
    path = f"05_model_input/{DATASET}/{DATASET}-interactions"
    old, new = (written(project, path, version) for version in (VERSION, None))
    assert {file.name for file in new.iterdir()} == {file.name for file in old.iterdir()}
    for file in old.iterdir():
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)  # columns may be added, and none may change
            pd.testing.assert_frame_equal(table, pd.read_parquet(new / file.name)[[*table]])
        elif file.suffix == ".json":  # facts may be added, and none may change
            old_facts, new_facts = (json.loads(x.read_text()) for x in (file, new / file.name))
            assert {name: new_facts[name] for name in old_facts} == old_facts
        else:
            assert (new / file.name).read_text() == file.read_text()


def test_old_checkpoints_resume_and_end_as_the_uninterrupted_trainings(project):
    """Schedule, warm-up, average, clipping, dropout and negatives on; within an epoch."""
    names = (*INTERRUPTED, FINISHED)
    pipelines = ("train_ss4rec", "train_ncf", "train_baselines")
    project.run(*pipelines, namespaces=names, resume=True)
    for name in names:
        check_resumed(project, name)


def check_resumed(project, name):
    folder = f"06_models/{DATASET}/{name}"
    old, new = (
        pd.read_csv(written(project, f"{folder}/history.csv", version))
        for version in (VERSION, None)
    )
    pd.testing.assert_frame_equal(
        new.drop(columns=MEASURED), old.drop(columns=MEASURED), check_dtype=False, **ROUNDING
    )
    # Seconds tell that the epochs before the checkpoint were not trained again.
    (path,) = FILES.glob(f"data/{folder}/checkpoints/*/state.json")
    state = json.loads(path.read_text())
    before = pd.DataFrame(state["history"])
    pd.testing.assert_frame_equal(new.head(len(before)), before, check_like=True)
    if not state["finished"]:
        assert new["train_seconds"][state["epoch"]] > state["epoch_seconds"] > 0
    old, new = (
        load_file(written(project, f"{folder}/weights", version) / "model.safetensors")
        for version in (VERSION, None)
    )
    torch.testing.assert_close(new, old, **ROUNDING)


def test_an_old_search_goes_on(project):
    path = f"08_reporting/{DATASET}/ncf/trials.csv"
    project.run("search_ncf", ncf={"search": {"trials": 3}})
    before, after = (pd.read_csv(written(project, path, version)) for version in (VERSION, None))
    assert len(before) == 2
    pd.testing.assert_frame_equal(after.head(2), before)
    assert after["trial"].tolist() == [0, 1, 2]
    assert after["training.learning_rate"].nunique() == 3


def test_old_ranks_give_the_same_comparison_and_leaderboard(project):
    project.run("evaluation", "leaderboard")
    shown = {"leaderboard": {*TRAINED, *UNTRAINED}, "comparison": {"ss4rec", "ncf", "popularity"}}
    for name, models in shown.items():
        path = f"08_reporting/{DATASET}/{name}.csv"
        old, new = (pd.read_csv(written(project, path, version)) for version in (VERSION, None))
        assert set(new["model"]) == models
        pd.testing.assert_frame_equal(new, old)

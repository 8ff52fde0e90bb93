"""Shared fixtures: small data with a pattern to learn, and the files made from it."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from kedro.io.core import Version

from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.engine.connection import connect
from seqrec.model_registry import MODELS, ModelSpec
from seqrec.parameters import (
    DataProcessing,
    ModelParameters,
    NCFModel,
    Runtime,
    SS4RecModel,
    Training,
)
from seqrec.pipelines.data_processing.nodes import (
    clean_ratings,
    filter_core,
    mark_held_out,
    order_history,
)
from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles

# Without a GPU, Triton's interpreter runs its kernels. Triton reads this when it is imported.
if not torch.cuda.is_available() and importlib.util.find_spec("triton"):
    os.environ.setdefault("TRITON_INTERPRET", "1")

# Workers of pytest-xdist inherit the COLUMNS that readline sets: tables would be narrower there.
os.environ.pop("COLUMNS", None)

ROOT = Path(__file__).parents[1]
N_ITEMS = 20
CPU = Runtime(device="cpu", show_progress=False)


def cyclic_ratings(users: int = 24, shortest: int = 6, longest: int = 14) -> pd.DataFrame:
    """Users walk round a ring of items, one step at a time: the next item is certain."""
    generator = np.random.default_rng(7)
    rows = []
    for user in range(users):
        time = 880_000_000 + 1000 * user
        for step in range(int(generator.integers(shortest, longest + 1))):
            rows.append((user, (user + step) % N_ITEMS, 1.0, time))
            time += int(generator.choice([0, 5, 60, 86_400]))
    names = [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]
    return pd.DataFrame(rows, columns=names).drop_duplicates([c.USER, c.ITEM])


DUCKDB = {"backend": "duckdb"}
NOBODY = pd.DataFrame(columns=[c.USER])
"""Users of whom nothing is known."""


def on_engine(table: pd.DataFrame) -> ibis.Table:
    """Put a table on DuckDB, ratings typed as `RatingsDataset` types them."""
    types = {c.USER: str, c.ITEM: str, c.RATING: float, c.TIMESTAMP: "int64"}
    typed = table.astype({name: kind for name, kind in types.items() if name in table})
    return connect(DUCKDB).create_table(ibis.util.gen_name("test"), typed, temp=True)


def options_of(**options: object) -> DataProcessing:
    """Parameters that keep toy data."""
    small = {"user_core": 5, "item_core": 1, "tie_policy": "file"}
    return DataProcessing.model_validate({**small, **options})


def process(ratings: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Run the nodes of data_processing."""
    parameters = options_of(**options)
    core = filter_core(clean_ratings(on_engine(ratings), parameters), parameters)
    return mark_held_out(order_history(core, parameters), parameters).to_pandas()


@pytest.fixture(scope="session")
def interactions() -> pd.DataFrame:
    return process(cyclic_ratings())


MakeFiles = Callable[..., AtomicFiles]
"""Takes interactions and options of data_processing."""


@pytest.fixture
def make_files(tmp_path: Path) -> MakeFiles:
    """Write interactions as atomic files in a folder of the test's own.

    Further options are those of `process` that made them.
    """

    made = itertools.count()

    def make(interactions: pd.DataFrame, **options: object) -> AtomicFiles:
        folder = str(tmp_path / f"{next(made)}" / "toy-files")
        ids = sorted(set(interactions[c.ITEM]), key=int)
        movies = pd.DataFrame(
            {c.ITEM: ids, c.TITLE: "A film", c.YEAR: pd.array([1999] * len(ids), "Int64")}
        ).assign(**{c.GENRES: "Drama|War"})
        version = Version(None, "2026-01-01T00.00.00.000Z")
        dataset = AtomicFilesDataset(filepath=folder, version=version)
        table = on_engine(interactions)
        stats = describe_interactions(table, options_of(**options))
        dataset.save(write_atomic_files(table, movies, NOBODY, stats))
        return AtomicFilesDataset(filepath=folder, version=Version(None, None)).load()

    return make


@pytest.fixture
def files(make_files: MakeFiles, interactions: pd.DataFrame) -> AtomicFiles:
    return make_files(interactions)


# What makes a network small, whatever network: its other fields stay those of conf/base.
SMALL = {
    "hidden_size": 16,
    "inner_size": 32,
    "mf_size": 16,
    "mlp_size": 16,
    "mlp_hidden_sizes": (16,),
    "n_layers": 1,
    "d_state": 4,
    "max_length": 16,
    "dropout": 0.0,
}


def small(spec: ModelSpec) -> Callable[..., ModelParameters]:
    """Make a maker of a model's parameters at a size for tests."""
    conf = ROOT / "conf" / "base" / f"parameters_{spec.name}.yml"
    values = yaml.safe_load(conf.read_text(encoding="utf-8"))[spec.name]["model"]
    sizes = {name: size for name, size in SMALL.items() if name in spec.parameters.model_fields}
    return lambda **changes: spec.parameters.model_validate({**values, **sizes, **changes})


MODEL_OF: dict[str, Callable[..., ModelParameters]] = {
    name: small(spec) for name, spec in MODELS.items()
}


def ss4rec_model(**changes: object) -> SS4RecModel:
    model = MODEL_OF["ss4rec"](**changes)
    assert isinstance(model, SS4RecModel)
    return model


def ncf_model(**changes: object) -> NCFModel:
    model = MODEL_OF["ncf"](**changes)
    assert isinstance(model, NCFModel)
    return model


def training(name: str, **changes: object) -> Training:
    """Return short training of a model."""
    spec = MODELS[name]
    short = {
        "epochs": 2,
        "learning_rate": 0.01,
        "seed": 11,
        "training_mode": spec.modes[0],
        "loss_type": spec.losses[0],
        "batch_size": 8 if spec.uses_history else 64,
        "candidates": "all",
        "negatives": 2 if spec.losses[0] == "BCE" else 1,
    }
    return Training.model_validate({**short, **changes})


def copy_project(target: Path) -> Path:
    """Copy the project without its data: a fresh clone after `make setup`, kernels compiled."""
    skip = shutil.ignore_patterns("*.egg-info", "credentials*")
    for name in ("conf", "src"):
        shutil.copytree(ROOT / name, target / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def shrink(project: Path) -> None:
    """Keep a fifth of ML-100K: for tests of what happens around a training."""
    with (project / "conf" / "smoke" / "parameters.yml").open("a") as handle:
        handle.write("\ndata_processing:\n  min_rating: 5.0\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of the project, in a folder whose name has a space."""
    target = copy_project(tmp_path / "a project")
    (target / "data").mkdir()
    return target

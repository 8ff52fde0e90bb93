"""An artefact of every kind that the catalog holds, in two versions, and what it is read as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import torch
from kedro.io.core import Version

from seqrec.datasets.artefact import ArtefactDataset
from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.datasets.table import TableDataset
from seqrec.engine.connection import connect
from seqrec.models.artifact import ModelArtifact
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS, AtomicFiles, AtomicTables, ids_file
from tests.conftest import DUCKDB

OLD, NEW = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"


class PartsDataset(TableDataset):
    """A table as Spark writes it: a folder of parts."""

    def _write(self, data: Any, path: Path) -> None:
        path.mkdir()
        rows = data.to_pandas()
        for part, half in enumerate((rows.iloc[:2], rows.iloc[2:])):
            half.to_parquet(path / f"part-{part}.parquet", index=False)
        (path / "_SUCCESS").touch()


@dataclass(frozen=True)
class Kind:
    """A kind of artefact.

    Attributes:
        make: The dataset, from a path and a version of Kedro's.
        data: What is saved, from a number that makes it another.
        value: What was loaded, as something that can be compared.
        files: The files below the version's folder.
    """

    make: Callable[[str, Version | None], Any]
    data: Callable[[int], Any]
    value: Callable[[Any], Any]
    files: tuple[str, ...]


def _wrapped(kind: str) -> Callable[[str, Version | None], Any]:
    return lambda path, version: ArtefactDataset(
        filepath=path, dataset={"type": kind}, version=version
    )


def _frame(n: int) -> pd.DataFrame:
    return pd.DataFrame({c.USER: ["a", "b", "c"], c.RANK: [1.0 * n, 2.0, 3.5]})


def _table(n: int) -> Any:
    return connect(DUCKDB).create_table(f"kinds_{n}", _frame(n), temp=True, overwrite=True)


def _rows(frame: pd.DataFrame) -> Any:
    return frame.to_dict("list")


def _atomic(n: int) -> AtomicTables:
    rows = {
        c.USER: ["a", "a", "b", "b"],
        c.ITEM: ["x", "y", "x", "z"],
        c.RATING: [1.0, 2.0, 3.0, 4.0],
        c.TIMESTAMP: [n, 6, 7, 8],
        c.POSITION: [0, 1, 0, 1],
        c.DELTA: [0, 6 - n, 0, 1],
        c.SPLIT: [c.TRAIN, c.TEST, c.TRAIN, c.TEST],
    }
    inter = connect(DUCKDB).create_table(
        f"atomic_{n}", pd.DataFrame(rows), temp=True, overwrite=True
    )
    item = pd.DataFrame({f"{c.ITEM}:token": ["x", "y", "z"]})
    return AtomicTables(inter, item, None, {"users": 2, "made": n})


def _atomic_value(files: AtomicFiles) -> Any:
    """Read what the project reads of atomic files: not the text."""
    folder = files.data_path / files.dataset
    names = (INTERACTIONS, ids_file(c.USER), ids_file(c.ITEM))
    return [files.stats, *(_rows(pd.read_parquet(folder / name)) for name in names)]


def _on_engine(dataset: type[TableDataset]) -> Callable[[str, Version | None], Any]:
    return lambda path, version: dataset(filepath=path, engine=DUCKDB, version=version)


KINDS = {
    "weights": Kind(
        make=lambda path, version: ModelArtifactDataset(filepath=path, version=version),
        data=lambda n: ModelArtifact({"w": torch.full((8,), float(n))}, {"name": f"toy{n}"}),
        value=lambda artifact: (artifact.config, artifact.weights["w"].tolist()),
        files=("weights/model.safetensors", "weights/config.json"),
    ),
    "toy": Kind(
        make=lambda path, version: AtomicFilesDataset(filepath=path, version=version),
        data=_atomic,
        value=_atomic_value,
        files=(
            f"toy/{INTERACTIONS}",
            f"toy/{ids_file(c.USER)}",
            f"toy/{ids_file(c.ITEM)}",
            "toy/stats.json",
            "toy/toy.inter",
            "toy/toy.item",
        ),
    ),
    "interactions.parquet": Kind(
        make=_on_engine(TableDataset),
        data=_table,
        value=lambda table: _rows(table.to_pandas()),
        files=("interactions.parquet",),
    ),
    "parts.parquet": Kind(
        make=_on_engine(PartsDataset),
        data=_table,
        value=lambda table: _rows(table.to_pandas()),
        files=("parts.parquet/part-0.parquet", "parts.parquet/part-1.parquet"),
    ),
    "target_ranks.parquet": Kind(
        make=_wrapped("pandas.ParquetDataset"),
        data=_frame,
        value=_rows,
        files=("target_ranks.parquet",),
    ),
    "history.csv": Kind(
        make=_wrapped("pandas.CSVDataset"), data=_frame, value=_rows, files=("history.csv",)
    ),
    "provenance.json": Kind(
        make=_wrapped("json.JSONDataset"),
        data=lambda n: {"commit": f"abc{n}"},
        value=lambda values: values,
        files=("provenance.json",),
    ),
    "loss_plot.json": Kind(
        make=_wrapped("plotly.JSONDataset"),
        data=lambda n: go.Figure(go.Scatter(y=[n, 2, 3])),
        value=lambda figure: figure.to_json(),
        files=("loss_plot.json",),
    ),
    "report.html": Kind(
        make=_wrapped("text.TextDataset"),
        data=lambda n: f"<html>report {n}</html>",
        value=lambda text: text,
        files=("report.html",),
    ),
}
"""By the last part of the path."""


def save_both(kind: str, folder: Path) -> Any:
    """Save an old and a new version; return the dataset as a later run sees it."""
    made = KINDS[kind]
    path = str(folder / kind)
    for number, version in enumerate((OLD, NEW), start=1):
        made.make(path, Version(None, version)).save(made.data(number))
    return later(kind, folder)


def later(kind: str, folder: Path) -> Any:
    """Return the dataset as a later run sees it."""
    return KINDS[kind].make(str(folder / kind), Version(None, None))

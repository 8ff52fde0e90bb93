"""RecBole's atomic files as one versioned dataset, with a Parquet twin for our own loaders."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from seqrec import columns as c
from seqrec.datasets.atomic_write import new_directory

INTERACTIONS = "interactions.parquet"
"""The twin: RecBole's ids, position, delta and split code of every interaction."""


def ids_file(field: str) -> str:
    """Name the file whose k-th row is the token with RecBole's id k + 1."""
    return f"{field}.parquet"


@dataclass(frozen=True)
class AtomicTables:
    """What is saved: tables whose columns are RecBole's ``name:type`` fields."""

    inter: pd.DataFrame
    item: pd.DataFrame
    stats: dict[str, Any]


@dataclass(frozen=True)
class AtomicFiles:
    """What is loaded: where RecBole finds the files.

    Attributes:
        data_path: RecBole's `data_path`.
        dataset: RecBole's `dataset`, a folder in `data_path` and the files' stem.
    """

    data_path: Path
    dataset: str

    @property
    def stats(self) -> dict[str, Any]:
        """The dataset's statistics."""
        text = (self.data_path / self.dataset / "stats.json").read_text(encoding="utf-8")
        return dict(json.loads(text))


def write_twin(
    folder: Path, name: str, table: dict[str, Any], n_users: int, n_items: int
) -> AtomicFiles:
    """Write interactions that are numbers already as a Parquet twin, without the text.

    Args:
        folder: Becomes the `data_path`.
        name: Becomes the `dataset`.
        table: Columns of the twin; users and items count from 1.
        n_users: Users there are.
        n_items: Items there are, those that never occur included.
    """
    target = folder / name
    target.mkdir(parents=True)
    pd.DataFrame(table).to_parquet(target / INTERACTIONS)
    for field, number in ((c.USER, n_users), (c.ITEM, n_items)):
        tokens = pd.Series(range(number)).astype("str")
        pd.DataFrame({field: tokens}).to_parquet(target / ids_file(field))
    return AtomicFiles(folder, name)


class AtomicFilesDataset(AbstractVersionedDataset[AtomicTables, AtomicFiles]):
    """A folder ``<version>/<name>/`` with ``<name>.inter``, ``<name>.item`` and ``stats.json``.

    Kedro stores a version as ``<filepath>/<version>/<last part>``, which is exactly RecBole's
    ``data_path/dataset``. A version appears whole or not at all. Beside the text lies its twin,
    which holds the same interactions with RecBole's ids.

    Args:
        filepath: The dataset's folder; its last part is RecBole's dataset name, and must not be
            ``ml-100k``, for which RecBole always loads its own copy.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        if self._filepath.name == "ml-100k":
            raise ValueError("RecBole reserves the name 'ml-100k': name the folder otherwise")
        self.metadata = metadata

    def load(self) -> AtomicFiles:
        """Return where the files are."""
        folder = Path(self._get_load_path())
        return AtomicFiles(folder.parent.absolute(), folder.name)

    def save(self, data: AtomicTables) -> None:
        """Write the tables as tab-separated text and the twin, atomically."""
        folder = Path(self._get_save_path())
        with new_directory(folder) as scratch:
            for suffix, table in (("inter", data.inter), ("item", data.item)):
                table.to_csv(scratch / f"{folder.name}.{suffix}", sep="\t", index=False)
            _write_twin(data.inter, scratch)
            text = json.dumps(data.stats, indent=2, ensure_ascii=False)
            (scratch / "stats.json").write_text(text + "\n", encoding="utf-8")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the statistics in kedro-viz."""
        return JSONPreview(json.dumps(self.load().stats))

    def _exists(self) -> bool:
        return (Path(self._get_load_path()) / INTERACTIONS).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _write_twin(inter: pd.DataFrame, folder: Path) -> None:
    """Write the interactions with dense ids, numbered as RecBole numbers them."""
    columns = {}
    for field in (c.USER, c.ITEM):
        codes, tokens = pd.factorize(inter[f"{field}:token"])
        pd.DataFrame({field: pd.Series(tokens, dtype="str")}).to_parquet(folder / ids_file(field))
        columns[field] = (codes + 1).astype("int32")
    for field in (c.POSITION, c.DELTA):
        columns[field] = inter[f"{field}:float"].to_numpy().astype("int32")
    splits = pd.Categorical(inter[f"{c.SPLIT}:token"], categories=list(c.SPLITS))
    columns[c.SPLIT] = splits.codes
    pd.DataFrame(columns).to_parquet(folder / INTERACTIONS, index=False)

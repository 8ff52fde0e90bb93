"""RecBole's atomic files as one versioned dataset, with a Parquet twin for our own loaders."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import ibis
from ibis import _
from kedro.io import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from seqrec.datasets.plain_errors import plainly
from seqrec.engine.atomic_write import new_directory
from seqrec.engine.files import write_parquet, write_text
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS, AtomicFiles, AtomicTables, ids_file

_CODE = "code"
_FIELDS = {
    c.USER: "token",
    c.ITEM: "token",
    c.RATING: "float",
    c.TIMESTAMP: "float",
    c.POSITION: "float",
    c.DELTA: "float",
    c.SPLIT: "token",
}


class AtomicFilesDataset(AbstractVersionedDataset[AtomicTables, AtomicFiles]):
    """A folder ``<version>/<name>/`` with ``<name>.inter``, ``.item``, ``.user``, ``stats.json``.

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

    @plainly
    def load(self) -> AtomicFiles:
        """Return where the files are."""
        folder = Path(self._get_load_path())
        return AtomicFiles(folder.parent.absolute(), folder.name)

    @plainly
    def save(self, data: AtomicTables) -> None:
        """Write the tables as tab-separated text and the twin, atomically."""
        folder = Path(self._get_save_path())
        with new_directory(folder) as scratch:
            write_text(_as_fields(data.inter), scratch / f"{folder.name}.inter")
            for suffix, table in (("item", data.item), ("user", data.user)):
                if table is not None:
                    table.to_csv(scratch / f"{folder.name}.{suffix}", sep="\t", index=False)
            _write_twin(data.inter, scratch)
            text = json.dumps(data.stats, indent=2, ensure_ascii=False)
            (scratch / "stats.json").write_text(text + "\n", encoding="utf-8")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the statistics in kedro-viz."""
        return JSONPreview(json.dumps(self.load().stats))

    def _exists(self) -> bool:
        return (Path(self._get_load_path()) / INTERACTIONS).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _as_fields(interactions: ibis.Table) -> ibis.Table:
    """Name the columns as RecBole wants them, users in order, each in order of time."""
    fields = {f"{name}:{kind}": _[name] for name, kind in _FIELDS.items()}
    return interactions.order_by(c.USER, c.POSITION).select(**fields)


def _write_twin(interactions: ibis.Table, folder: Path) -> None:
    """Write the interactions with dense ids, numbered as RecBole numbers them: by appearance."""
    users = _numbered(interactions.select(c.USER).distinct(), c.USER, _[c.USER])
    with_user = interactions.join(users.cache(), c.USER).drop(c.USER)
    place = _[_CODE].cast("int64") * 2**32 + _[c.POSITION]
    seen = with_user.group_by(c.ITEM).agg(first=place.min())
    items = _numbered(seen, c.ITEM, _["first"]).rename(item_code=_CODE).cache()
    split = ibis.cases(*((_[c.SPLIT] == name, code) for code, name in enumerate(c.SPLITS)))
    columns = {
        c.USER: _[_CODE],
        c.ITEM: _["item_code"],
        c.POSITION: _[c.POSITION].cast("int32"),
        c.DELTA: _[c.DELTA].cast("int32"),
        c.SPLIT: split.cast("int32").cast("int8"),
    }
    numbers = with_user.join(items, c.ITEM).drop(c.ITEM).select(**columns)
    write_parquet(numbers.order_by(c.USER, c.POSITION), folder / INTERACTIONS)
    for field, table, code in ((c.USER, users, _CODE), (c.ITEM, items, "item_code")):
        tokens = table.order_by(code).select(field).to_pandas().astype("str")
        tokens.to_parquet(folder / ids_file(field))


def _numbered(names: ibis.Table, field: str, order: ibis.Deferred) -> ibis.Table:
    """Number rows from 1."""
    number = ibis.row_number().over(order_by=order) + 1
    return names.mutate(**{_CODE: number.cast("int32")}).select(field, _CODE)

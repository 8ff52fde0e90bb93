"""RecBole's atomic files and their Parquet twin, computed by the engine."""

from __future__ import annotations

import json
from pathlib import Path

import ibis
from ibis import _

from seqrec.engine.files import write_parquet, write_text
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS, AtomicTables, ids_file

_CODE = "code"
_ITEM_CODE = "item_code"
_FIELDS = {
    c.USER: "token",
    c.ITEM: "token",
    c.RATING: "float",
    c.TIMESTAMP: "float",
    c.POSITION: "float",
    c.DELTA: "float",
    c.SPLIT: "token",
}
"""RecBole's types of the interactions' columns."""


def write_atomic_files(tables: AtomicTables, folder: Path, name: str) -> None:
    """Write tab-separated text for RecBole, and the twin for our own loaders.

    Args:
        tables: Interactions, items, users, statistics.
        folder: An empty folder.
        name: Stem of the text files.

    Raises:
        ProjectError: The engine cannot compute the interactions.
    """
    write_text(_as_fields(tables.inter), folder / f"{name}.inter")
    for suffix, table in (("item", tables.item), ("user", tables.user)):
        if table is not None:
            table.to_csv(folder / f"{name}.{suffix}", sep="\t", index=False)
    _write_twin(tables, folder)
    text = json.dumps(tables.stats, indent=2, ensure_ascii=False)
    (folder / "stats.json").write_text(text + "\n", encoding="utf-8")


def _as_fields(interactions: ibis.Table) -> ibis.Table:
    """Name the columns as RecBole wants them, users in order, each in order of time."""
    fields = {f"{name}:{kind}": _[name] for name, kind in _FIELDS.items()}
    return interactions.order_by(c.USER, c.POSITION).select(**fields)


def _write_twin(tables: AtomicTables, folder: Path) -> None:
    """Write the interactions with dense ids, and what the ids stand for."""
    interactions = tables.inter
    users = _number_users(interactions).cache()
    with_user = interactions.join(users, c.USER).drop(c.USER)
    items = _number_items(with_user).cache()
    twin = _as_numbers(with_user.join(items, c.ITEM).drop(c.ITEM))
    write_parquet(twin.order_by(c.USER, c.POSITION), folder / INTERACTIONS)
    for field, table, code in ((c.USER, users, _CODE), (c.ITEM, items, _ITEM_CODE)):
        tokens = table.order_by(code).select(field).to_pandas().astype("str")
        if field == c.ITEM and tables.titles is not None:
            tokens = tokens.merge(tables.titles, how="left", on=field)
        tokens.to_parquet(folder / ids_file(field))


def _number_users(interactions: ibis.Table) -> ibis.Table:
    """Number users in their order."""
    return _number(interactions.select(c.USER).distinct(), c.USER, _[c.USER])


def _number_items(interactions: ibis.Table) -> ibis.Table:
    """Number items as RecBole does: by their first appearance, user by user."""
    place = _[_CODE].cast("int64") * 2**32 + _[c.POSITION]
    seen = interactions.group_by(c.ITEM).agg(first=place.min())
    return _number(seen, c.ITEM, _["first"]).rename(**{_ITEM_CODE: _CODE})


def _number(names: ibis.Table, field: str, order: ibis.Deferred) -> ibis.Table:
    """Number rows from 1."""
    number = ibis.row_number().over(order_by=order) + 1
    return names.mutate(**{_CODE: number.cast("int32")}).select(field, _CODE)


def _as_numbers(interactions: ibis.Table) -> ibis.Table:
    """Give the twin's columns their types; a split becomes its place in `columns.SPLITS`."""
    split = ibis.cases(*((_[c.SPLIT] == name, code) for code, name in enumerate(c.SPLITS)))
    return interactions.select(
        **{
            c.USER: _[_CODE],
            c.ITEM: _[_ITEM_CODE],
            c.POSITION: _[c.POSITION].cast("int32"),
            c.DELTA: _[c.DELTA].cast("int32"),
            c.RATING: _[c.RATING].cast("float32"),
            c.TIMESTAMP: _[c.TIMESTAMP].cast("int64"),
            c.SPLIT: split.cast("int32").cast("int8"),
        }
    )

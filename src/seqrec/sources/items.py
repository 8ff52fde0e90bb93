"""Titles of one's own items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from seqrec.errors import ProjectError
from seqrec.parameters import Items, Source
from seqrec.sources.lines import NO_UTF8, is_utf8, printable, split_lines
from seqrec.sources.parquet import check_encoding, check_parquet, spelt_rows
from seqrec.sources.table_file import Wanted, is_parquet, open_layout
from seqrec.tables import columns as c

Row = tuple[str, dict[str, str]]
"""Where a row stands (``line 2``), and its values."""
YEAR = r"([0-9]{1,4})([.]0)?|"


def read_items(source: Source) -> pd.DataFrame:
    """Read what a table of one's own tells of items.

    Args:
        source: `items` names the file and its columns.

    Returns:
        item_id, title (the id where there is none), year, genres (``a|b``); empty if there is no
        table.

    Raises:
        ProjectError: The file or a column is not there, or a row says something impossible.
    """
    found = {} if source.items is None else _read(source.items, source)
    table = pd.DataFrame(found.values(), columns=[c.ITEM, c.TITLE, c.YEAR, c.GENRES], dtype=str)
    years = pd.to_numeric(table[c.YEAR].replace("", None)).astype("Int64")
    return table.assign(**{c.YEAR: years})


def _read(items: Items, source: Source) -> dict[str, dict[str, str]]:
    path = Path(items.path)
    if not path.is_file():
        raise ProjectError(f"source.items: there is no file {path}")
    found: dict[str, dict[str, str]] = {}
    for where, row in _rows(path, items, source):
        fault = _fault(row, found)
        if fault:
            raise ProjectError(f"source.items: {path}, {where}: {fault}")
        found[row[c.ITEM]] = _plain(row)
    return found


def _rows(path: Path, items: Items, source: Source) -> Iterator[Row]:
    wanted = {c.ITEM: items.item or source.item, c.TITLE: items.title}
    extra = {c.YEAR: items.year, c.GENRES: items.genres}
    # Columns with the usual names need not be there; one that was named must.
    named = {name: extra[name] for name in extra if name in items.model_fields_set}
    optional = {name: column for name, column in extra.items() if name not in named}
    if is_parquet(path):
        return _parquet_rows(path, check_parquet(path, {**wanted, **named}, optional))
    separator = items.separator or source.separator
    return _text_rows(path, {**wanted, **named}, optional, separator)


def _parquet_rows(path: Path, columns: Wanted) -> Iterator[Row]:
    check_encoding(path, list(columns.values()))
    for number, row in enumerate(spelt_rows(path, columns), start=1):
        yield f"row {number}", row


def _text_rows(path: Path, wanted: Wanted, optional: Wanted, separator: str) -> Iterator[Row]:
    layout = open_layout(path, wanted, separator, optional)
    for line, row in split_lines(path, layout):
        if line > layout.header and row:
            if len(row) != len(layout.names):
                found = f"{len(row)} columns instead of {len(layout.names)}"
                raise ProjectError(f"source.items: {path}, line {line}: {found}")
            yield f"line {line}", {name: row[place] for name, place in layout.wanted.items()}


def _fault(row: dict[str, str], found: dict[str, dict[str, str]]) -> str:
    """Say what is wrong with a row; nothing if it is good."""
    for name, value in row.items():
        if not is_utf8(value):
            return f"{name} '{printable(value)}' {NO_UTF8}"
    if not row[c.ITEM]:
        return "no item"
    if row[c.ITEM] in found:
        return f"item '{printable(row[c.ITEM])}' is there twice"
    year = row.get(c.YEAR, "")
    return "" if re.fullmatch(YEAR, year) else f"'{printable(year)}' is no year"


def _plain(row: dict[str, str]) -> dict[str, str]:
    """Lay a row out as a film's."""
    title = " ".join(row[c.TITLE].split())
    year = row.get(c.YEAR, "").removesuffix(".0")
    genres = " ".join(row.get(c.GENRES, "").split())
    return {c.ITEM: row[c.ITEM], c.TITLE: title or row[c.ITEM], c.YEAR: year, c.GENRES: genres}

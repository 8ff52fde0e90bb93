"""What a row of a text file must be, line by line in Python.

The engine reads every row and says whether all are good. Only if they are not, or it cannot read
the file, is the file read again here, slowly, to say which lines are bad and why.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from seqrec.engine.layout import Layout
from seqrec.engine.names import is_packed
from seqrec.engine.rows import NUMBER
from seqrec.engine.times import Unit, parse_time
from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from seqrec.tables.contracts import LARGEST

CHUNK = 100_000
"""Rows that are kept in memory."""
UNREADABLE = (OSError, EOFError, zlib.error)
"""What a file that is gone, cut or damaged raises while it is read."""
NO_UTF8 = "is not UTF-8 (Latin-1 or Windows-1252?)"


@dataclass(frozen=True)
class BadRow:
    """A row that is no interaction."""

    line: int
    reason: str
    text: str


def first_values(path: Path, layout: Layout, name: str, rows: int) -> list[tuple[str, str]]:
    """List a column's first values and the lines that they stand in.

    Args:
        path: The file, ``.gz`` or not.
        layout: How it is laid out.
        name: Our name of the column.
        rows: Rows to look at.
    """
    place = layout.wanted[name]
    first = itertools.islice(split_lines(path, layout), rows)
    return [
        (f"line {line}", printable(row[place]))
        for line, row in first
        if line > layout.header and len(row) == len(layout.names)
    ]


def bad_rows(
    path: Path, layout: Layout, unit: Unit, first: int | None = None, good: Path | None = None
) -> Iterator[BadRow]:
    """Read a text file line by line and yield what is no interaction.

    Args:
        path: The file, ``.gz`` or not.
        layout: How it is laid out.
        unit: Of the times.
        first: Rows to look at; None: all.
        good: Where the good rows are written, as Parquet with the columns that are read; None:
            nowhere.

    Raises:
        ProjectError: The file cannot be read to its end.
    """
    schema = pa.schema([(name, pa.string()) for name in layout.wanted])
    kept: list[list[str]] = []
    with pq.ParquetWriter(good or pa.BufferOutputStream(), schema) as writer:
        for line, row in itertools.islice(split_lines(path, layout), first):
            if line <= layout.header or not row:
                continue
            reason = _fault(row, layout, unit)
            if reason:
                yield BadRow(line, reason, printable(layout.separator.join(row)))
            elif good:
                kept.append([row[place] for place in layout.wanted.values()])
            if len(kept) == CHUNK:
                _write(writer, schema, kept)
        _write(writer, schema, kept)


def _write(writer: pq.ParquetWriter, schema: pa.Schema, rows: list[list[str]]) -> None:
    if rows:
        writer.write_table(pa.table(list(zip(*rows, strict=True)), schema=schema))
        rows.clear()


def _fault(row: list[str], layout: Layout, unit: Unit) -> str:
    """Say what is wrong with a row; nothing if it is good."""
    if len(row) != len(layout.names):
        hint = " (is a quote not closed?)" if any("\n" in value for value in row) else ""
        return f"{len(row)} columns instead of {len(layout.names)}{hint}"
    values = {name: row[place] for name, place in layout.wanted.items()}
    for name in (c.USER, c.ITEM):
        if not values[name]:
            return f"no {layout.called(name)}"
    for name, value in values.items():
        if not is_utf8(value):
            return f"{layout.called(name)} '{printable(value)}' {NO_UTF8}"
    if parse_time(values[c.TIMESTAMP], unit) is None:
        what = f"no time from 1970 to 2286 (time_unit={unit.name})"
        return f"{layout.called(c.TIMESTAMP)} '{printable(values[c.TIMESTAMP])}' is {what}"
    rating = values.get(c.RATING, "1")
    if not re.fullmatch(NUMBER, rating) or abs(float(rating)) > LARGEST:
        return f"{layout.called(c.RATING)} '{printable(rating)}' is no number"
    return ""


def split_lines(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line it begins in, from 1.

    Empty columns beyond the last are none, as they are none to the engine; a layout without names
    keeps them.

    Raises:
        ProjectError: The file cannot be read to its end.
    """
    width = len(layout.names)
    try:
        with open_text(path) as handle:
            for line, row in _rows(handle, layout):
                while len(row) > width > 0 and not row[-1]:
                    row.pop()
                yield line, row
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def check_packed(path: Path) -> None:
    """Read a ``.gz`` to its end: DuckDB takes what is left of a file that was cut for all of it.

    Raises:
        ProjectError: It is cut or damaged.
    """
    if is_packed(path):
        try:
            with gzip.open(path) as handle:
                while handle.read(1 << 20):
                    pass
        except UNREADABLE as error:
            raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> ProjectError:
    """Say that a file cannot be read to its end."""
    cut = isinstance(error, EOFError | zlib.error | gzip.BadGzipFile)
    remedy = ": it is cut or damaged, pack or copy it anew" if cut else ""
    return ProjectError(f"{path} cannot be read ({error}){remedy}")


def _rows(handle: IO[str], layout: Layout) -> Iterator[tuple[int, list[str]]]:
    if not layout.quote:
        for number, content in enumerate(handle, start=1):
            text = content.rstrip("\r\n")
            yield number, text.split(layout.separator) if text else []
        return
    reader = csv.reader(handle, delimiter=layout.separator)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = [f"({error})"]
        yield line, row


def open_text(path: Path) -> IO[str]:
    """Open a text file, packed with gzip or not; bytes that are no UTF-8 are kept apart."""
    opener = gzip.open if is_packed(path) else open
    options = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    return opener(path, "rt", **options)  # type: ignore[no-any-return,call-overload]


def is_utf8(text: str) -> bool:
    """Tell whether a text that `open_text` gave was UTF-8 in the file."""
    return text.isascii() or text.encode("utf-8", "replace").decode() == text


def printable(text: str) -> str:
    r"""Spell on one line what is no letter: ``\n``, and bytes that are no UTF-8 as ``\xe9``."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in shown)

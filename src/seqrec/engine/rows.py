"""What a row of a source must be: the same rules for the engine and, line by line, for Python.

The engine reads every row and says whether all are good. Only if they are not is the file read
again here, slowly, to say which lines are bad and why.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import ibis
from ibis import _

from seqrec.parameters import Source
from seqrec.tables import columns as c
from seqrec.tables.contracts import LARGEST, LATEST

SECONDS, MILLISECONDS = r"^[0-9]{1,10}$", r"^[0-9]{1,13}$"
NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$"
DATE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
)


@dataclass(frozen=True)
class Layout:
    """How a text file holds its rows.

    Attributes:
        names: Every column, in order.
        separator: Between columns; quotes count if it is one character.
        header: Lines before the first row.
    """

    names: tuple[str, ...]
    separator: str
    header: int


@dataclass(frozen=True)
class BadRow:
    """A row that is no interaction."""

    line: int
    reason: str
    text: str


def typed(table: ibis.Table, source: Source) -> ibis.Table:
    """Name and type the columns of a source; what cannot be read becomes null.

    Args:
        table: The source's columns, as text or as Parquet has them.
        source: Which column is what.

    Returns:
        user_id, item_id (text), rating (float64), timestamp (int64 seconds).
    """
    # A plain 1.0 would be a decimal to DuckDB.
    one = ibis.literal(1).cast("float64")
    rating = one if source.rating is None else _number(table[source.rating])
    return table.select(
        **{
            c.USER: table[source.user].cast("string"),
            c.ITEM: table[source.item].cast("string"),
            c.RATING: rating,
            c.TIMESTAMP: _seconds(table[source.timestamp], source.time_unit),
        }
    )


def good() -> ibis.Deferred:
    """Tell whether a typed row is an interaction."""
    named = (_[c.USER].fill_null("") != "") & (_[c.ITEM].fill_null("") != "")
    return named & _[c.TIMESTAMP].notnull() & _[c.RATING].notnull()


def _number(column: ibis.Value) -> ibis.Value:
    if column.type().is_string():
        return ibis.cases((column.re_search(NUMBER), column.try_cast("float64")))
    number = column.cast("float64")  # NaN is larger than all
    return ibis.cases((number.between(-LARGEST, LARGEST), number))


def _seconds(column: ibis.Value, unit: str) -> ibis.Value:
    kind = column.type()
    if kind.is_string() and unit != "iso":
        pattern = MILLISECONDS if unit == "ms" else SECONDS
        return _whole(ibis.cases((column.re_search(pattern), column.try_cast("int64"))), unit)
    if kind.is_string():
        seconds = ibis.cases((column.re_search(DATE), _since_1970(column)))
    elif kind.is_timestamp() or kind.is_date():
        seconds = _since_1970(column)
    else:
        seconds = _whole(column.cast("int64"), unit)
    return ibis.cases((seconds.between(0, LATEST), seconds))


def _since_1970(column: ibis.Value) -> ibis.Value:
    moment = column.try_cast("timestamp('UTC')").truncate("s")  # else DuckDB rounds
    return moment.epoch_seconds().cast("int64")


def _whole(number: ibis.Value, unit: str) -> ibis.Value:
    return (number / 1000).floor().cast("int64") if unit == "ms" else number


def bad_rows(
    path: Path, layout: Layout, source: Source, first: int | None = None
) -> Iterator[BadRow]:
    """Read a text file line by line and yield what is no interaction.

    Args:
        path: The file, ``.gz`` or not.
        layout: How it is laid out.
        source: Which column is what.
        first: Rows to look at; None: all.
    """
    place = {name: number for number, name in enumerate(layout.names)}
    wanted = (source.user, source.item, source.timestamp, source.rating)
    columns = [place[name] if name else None for name in wanted]
    for line, row in itertools.islice(split_lines(path, layout), first):
        if line <= layout.header or not row:
            continue
        reason = _fault(row, columns, len(layout.names), source)
        if reason:
            yield BadRow(line, reason, layout.separator.join(row))


def _fault(row: list[str], columns: list[int | None], width: int, source: Source) -> str:
    """Say what is wrong with a row; nothing if it is good."""
    if len(row) != width:
        return f"{len(row)} columns instead of {width}"
    user, item, time, rating = (None if n is None else row[n] for n in columns)
    if not user or not item:
        return f"no {source.item if user else source.user}"
    seconds = _parse_time(time or "", source.time_unit)
    if seconds is None or not 0 <= seconds <= LATEST:
        what = f"no time from 1970 to 2286 (time_unit={source.time_unit})"
        return f"{source.timestamp} {time!r} is {what}"
    if rating is not None and not re.search(NUMBER, rating):
        return f"{source.rating} {rating!r} is no number"
    return ""


def _parse_time(text: str, unit: str) -> int | None:
    if unit != "iso":
        if not re.search(MILLISECONDS if unit == "ms" else SECONDS, text):
            return None
        return int(text) // (1000 if unit == "ms" else 1)
    if not re.search(DATE, text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    shift = moment.utcoffset()
    start = datetime(1970, 1, 1)
    plain = moment.replace(tzinfo=None) - (shift or start - start)
    return int((plain - start).total_seconds() // 1)


def split_lines(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line's number, from 1."""
    with open_text(path) as handle:
        if len(layout.separator) > 1:
            for number, line in enumerate(handle, start=1):
                text = line.rstrip("\r\n")
                yield number, text.split(layout.separator) if text else []
            return
        reader = csv.reader(handle, delimiter=layout.separator)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield reader.line_num, [f"({error})"]
            else:
                yield reader.line_num, row


def open_text(path: Path) -> IO[str]:
    """Open a text file, packed with gzip or not; bytes that are no UTF-8 are kept visible."""
    opener = gzip.open if path.suffix == ".gz" else open
    options = {"encoding": "utf-8-sig", "errors": "backslashreplace", "newline": ""}
    return opener(path, "rt", **options)  # type: ignore[no-any-return,call-overload]

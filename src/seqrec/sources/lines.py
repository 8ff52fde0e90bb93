"""What a row of a text file must be, line by line: which rows are bad, and why.

The engine reads every row and says whether all are good (`seqrec.engine.rows`, the same rules).
Only if they are not is the file read again here, slowly.
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

from seqrec.engine.layout import Layout
from seqrec.engine.rows import DATE, MILLISECONDS, NUMBER, SECONDS
from seqrec.parameters import Source
from seqrec.tables.contracts import LATEST

_ENCODING = "utf-8-sig"
_ERRORS = "backslashreplace"


@dataclass(frozen=True)
class BadRow:
    """A row that is no interaction."""

    line: int
    reason: str
    text: str


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
    for line, row in itertools.islice(split_lines(path, layout), first):
        if line <= layout.header or not row:
            continue
        reason = _fault(row, layout.names, source)
        if reason:
            yield BadRow(line, reason, layout.separator.join(row))


def count_rows(path: Path, layout: Layout) -> int:
    """Count the rows of a text file, good and bad, without its header and empty lines."""
    return sum(1 for line, row in split_lines(path, layout) if line > layout.header and row)


def _fault(row: list[str], names: tuple[str, ...], source: Source) -> str:
    """Say what is wrong with a row; nothing if it is good."""
    if len(row) != len(names):
        return f"{len(row)} columns instead of {len(names)}"
    values = dict(zip(names, row, strict=True))
    for name in (source.user, source.item):
        if not values[name]:
            return f"no {name}"
    time = values[source.timestamp]
    seconds = _parse_time(time, source.time_unit)
    if seconds is None or not 0 <= seconds <= LATEST:
        what = f"no time from 1970 to 2286 (time_unit={source.time_unit})"
        return f"{source.timestamp} {time!r} is {what}"
    if source.rating and not re.search(NUMBER, values[source.rating]):
        return f"{source.rating} {values[source.rating]!r} is no number"
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
        if layout.quote:
            yield from _split_quoted(handle, layout.separator)
            return
        for number, line in enumerate(handle, start=1):
            text = line.rstrip("\r\n")
            yield number, text.split(layout.separator) if text else []


def _split_quoted(handle: IO[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Likewise, where quotes may hold separators; a row that cannot be split is its error."""
    reader = csv.reader(handle, delimiter=separator)
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
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=_ENCODING, errors=_ERRORS, newline="")
    return path.open(encoding=_ENCODING, errors=_ERRORS, newline="")

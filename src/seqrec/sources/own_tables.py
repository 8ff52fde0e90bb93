"""A text or Parquet file of one's own: is it one, and does it have the columns?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqrec.engine.lines import (
    NO_UTF8,
    UNREADABLE,
    Layout,
    is_packed,
    open_text,
    printable,
    split_lines,
    unreadable,
)
from seqrec.errors import ProjectError
from seqrec.tables import columns as c

_KINDS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save it as CSV",
    b"\x1f\x8b": "packed with gzip: give its name the ending .gz",
    b"PAR1": "Parquet: give its name the ending .parquet",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
}
"""What a file that should be text begins with, and what it is then."""
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", "::": "::", ":": "colon"}

_IS = pa.types
_TYPES = {
    "text": (_IS.is_string, _IS.is_large_string, _IS.is_string_view, _IS.is_null),
    "numbers": (_IS.is_integer, _IS.is_floating, _IS.is_decimal),
    "booleans": (_IS.is_boolean,),
    "timestamps": (_IS.is_timestamp,),
    "dates": (_IS.is_date,),
}
_ALLOWED = {
    **dict.fromkeys((c.USER, c.ITEM, c.RATING), ("text", "numbers", "booleans")),
    c.TIMESTAMP: ("text", "numbers", "timestamps", "dates"),
    **dict.fromkeys((c.TITLE, c.GENRES, c.YEAR), ("text", "numbers")),
}

Wanted = dict[str, str]
"""The file's own names of columns, by ours."""


def is_parquet(path: Path) -> bool:
    """Tell whether a file is Parquet, by its name."""
    return path.suffix.lower() in (".parquet", ".pq")


def open_layout(
    path: Path, wanted: Wanted, separator: str, optional: Wanted | None = None
) -> Layout:
    """Read the header of a text file.

    Args:
        path: The file.
        wanted: Columns that must be there.
        separator: Between them.
        optional: Columns that are read if they are there.

    Raises:
        ProjectError: It is no text, or a column is missing or there twice.
    """
    check_text(path)
    names = _header(path, separator)
    _check_columns(path, names, wanted, _other_separator(path, wanted, separator))
    columns = {**wanted, **_there(optional, names)}
    places = {ours: names.index(theirs) for ours, theirs in columns.items()}
    return Layout(tuple(names), separator, 1, places)


def check_text(path: Path) -> None:
    """Check that a file is text with something in its first line.

    Raises:
        ProjectError: It is empty, damaged or of another kind.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(4)
        with open_text(path) as text:
            blank = not text.readline().strip("\r\n")
            empty = blank and not text.read(1 << 16).strip()
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    for magic, kind in _KINDS.items():
        if start.startswith(magic) and not is_packed(path):
            raise ProjectError(f"{path} is {kind}")
    if blank:
        what = "is empty" if empty else "begins with an empty line: it must name the columns"
        raise ProjectError(f"{path} {what}")


def _header(path: Path, separator: str) -> list[str]:
    """Read the names of a text file's columns."""
    _line, names = next(split_lines(path, Layout((), separator, 1, {})))
    return [printable(name) for name in names]


def _other_separator(path: Path, wanted: Wanted, separator: str) -> str:
    """Say with which separator the columns would be there, if there is one."""
    for other, name in _SEPARATORS.items():
        if other != separator and set(wanted.values()) <= set(_header(path, other)):
            return f" (they are there with --params source.separator={name})"
    return ""


def _check_columns(path: Path, names: list[str], wanted: Wanted, hint: str = "") -> None:
    found = ", ".join(names)
    for theirs in wanted.values():
        if theirs not in names:
            raise ProjectError(f"{path}: column {theirs!r} is missing: found {found}{hint}")
        if names.count(theirs) > 1:
            raise ProjectError(f"{path}: column {theirs!r} is there twice")


def _there(optional: Wanted | None, names: list[str]) -> Wanted:
    return {ours: theirs for ours, theirs in (optional or {}).items() if theirs in names}


def check_parquet(path: Path, wanted: Wanted, optional: Wanted | None = None) -> Wanted:
    """Check that a Parquet file has its columns, of types that can be read.

    Args:
        path: The file.
        wanted: Columns that must be there.
        optional: Columns that are read if they are there.

    Returns:
        The columns that are there.

    Raises:
        ProjectError: It is no Parquet, or a column is missing, ambiguous or of another type.
    """
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        what = str(error).strip().splitlines()[0]
        raise ProjectError(f"{path} cannot be read: it is no Parquet ({what})") from error
    _check_columns(path, schema.names, wanted)
    # Both engines take such names for one.
    seen: dict[str, str] = {}
    for name in schema.names:
        if seen.setdefault(name.lower(), name) != name:
            raise ProjectError(
                f"{path}: columns {seen[name.lower()]!r} and {name!r} differ only by case: "
                "rename one of them"
            )
    columns = {**wanted, **_there(optional, schema.names)}
    for ours, theirs in columns.items():
        kind = _plain(schema.field(theirs).type)
        if not _can_be(ours, kind):
            allowed = ", ".join(_ALLOWED[ours])
            raise ProjectError(f"{path}: column {theirs!r} is of type {kind}: it may be {allowed}")
    return columns


def check_encoding(path: Path, columns: list[str]) -> None:
    """Check that texts are UTF-8, which writers of Parquet need not see to.

    Raises:
        ProjectError: One is not; names column and row.
    """
    row = 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(1 << 16, columns=columns):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                place = _first_not_utf8(column)
                if place is not None:
                    where = f"column {name!r}, row {row + place}"
                    raise ProjectError(f"{path}: {where} {NO_UTF8}: write it as UTF-8")
            row += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise ProjectError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def unit_of_timestamps(path: Path, column: str) -> str | None:
    """Return ``s``, ``ms``, ``us`` or ``ns``; None if a Parquet column holds no timestamps."""
    kind = pq.read_schema(path).field(column).type
    return str(kind.unit) if pa.types.is_timestamp(kind) else None


def copy_with_seconds(path: Path, column: str, columns: list[str], target: Path) -> None:
    """Copy columns of a Parquet file, its timestamps as int64 seconds; before 1970 is −1.

    Engines count in microseconds: they refuse a file for one timestamp beyond, and Spark for
    nanoseconds.

    Args:
        path: The file.
        column: The timestamps.
        columns: What is copied.
        target: The copy.
    """
    schema = pq.read_schema(path)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[schema.field(column).type.unit]
    fields = [pa.field(n, pa.int64()) if n == column else schema.field(n) for n in columns]
    with pq.ParquetWriter(target, pa.schema(fields)) as writer:
        for batch in pq.ParquetFile(path).iter_batches(columns=columns):
            arrays = {name: batch.column(name) for name in columns}
            numbers = arrays[column].cast(pa.int64())
            seconds = pc.if_else(pc.less(numbers, 0), -1, pc.divide(numbers, per_second))
            arrays[column] = seconds
            writer.write_batch(pa.record_batch([*arrays.values()], schema=pa.schema(fields)))


def first_values(path: Path, column: str, rows: int) -> list[tuple[str, str]]:
    """List a Parquet column's first numbers or texts; nothing if it holds timestamps or dates."""
    try:
        batch = next(pq.ParquetFile(path).iter_batches(rows, columns=[column]), None)
        # Moments beyond Python's years cannot be listed.
        columns = [] if batch is None else batch.columns
        plain = (column for column in columns if _can_be(c.RATING, _plain(column.type)))
        values = [value for column in plain for value in column.to_pylist()]
    except (pa.ArrowException, OSError, UnicodeDecodeError):  # whoever reads all of it tells
        return []
    texts = [(f"row {row}", _spell(value)) for row, value in enumerate(values, start=1)]
    return [(row, text) for row, text in texts if text]


def _first_not_utf8(column: pa.Array) -> int | None:
    """Return the place of the first text that is no UTF-8, from 1."""
    texts = column.dictionary if isinstance(column, pa.DictionaryArray) else column
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        plain = column.dictionary_decode() if texts is not column else column
        for place, value in enumerate(plain.cast("binary").to_pylist(), start=1):
            try:
                (value or b"").decode()
            except UnicodeDecodeError:
                return place
    return None


def spelt_rows(path: Path, columns: Wanted) -> Iterator[dict[str, str]]:
    """Yield a Parquet file's rows as a text file would have them."""
    for batch in pq.ParquetFile(path).iter_batches(columns=list(columns.values())):
        for row in batch.to_pylist():
            yield {ours: _spell(row[theirs]) for ours, theirs in columns.items()}


def _spell(value: object) -> str:
    """Write a number or a text as a text file would; nothing else."""
    if value != value:
        return ""
    if isinstance(value, float | Decimal) and value == value // 1:
        return str(int(value))
    return str(value) if isinstance(value, str | int | float | Decimal) else ""


def _can_be(name: str, kind: pa.DataType) -> bool:
    return any(fits(kind) for group in _ALLOWED[name] for fits in _TYPES[group])


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of a dictionary's values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind

"""Parquet files of one's own: types, encodings, first values, rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqrec.errors import ProjectError
from seqrec.sources.lines import NO_UTF8
from seqrec.sources.table_file import Wanted, check_columns, those_there
from seqrec.tables import columns as c

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
    check_columns(path, schema.names, wanted)
    # Both engines take such names for one.
    seen: dict[str, str] = {}
    for name in schema.names:
        if seen.setdefault(name.lower(), name) != name:
            raise ProjectError(
                f"{path}: columns {seen[name.lower()]!r} and {name!r} differ only by case: "
                "rename one of them"
            )
    columns = {**wanted, **those_there(optional, schema.names)}
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

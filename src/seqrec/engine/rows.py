"""What a row of a source must be, as expressions of the engine.

`seqrec.sources.lines` knows the same rules for text, line by line, in Python.
"""

from __future__ import annotations

import ibis
from ibis import _

from seqrec.engine.times import Unit, is_whole, matches, to_seconds
from seqrec.tables import columns as c
from seqrec.tables.contracts import LARGEST

NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?"
_EXACT = {"float16": 2**11, "float32": 2**24}
"""Up to where every whole number is a float of its own; others have 53 bits."""


def typed(raw: ibis.Table, unit: Unit) -> ibis.Table:
    """Type the columns of a source; what cannot be read becomes null.

    Args:
        raw: user_id, item_id, timestamp and perhaps rating, as text or as Parquet has them.
        unit: Of the times.

    Returns:
        user_id, item_id (text), rating (float64; 1 if there is none), timestamp (int64 seconds).
    """
    return raw.select(**typed_columns(raw, unit))


def typed_columns(raw: ibis.Table, unit: Unit) -> dict[str, ibis.Value]:
    """Return the columns of `typed`, by name."""
    # A plain 1.0 would be a decimal to DuckDB.
    one = ibis.literal(1).cast("float64")
    return {
        c.USER: _identity(raw[c.USER]),
        c.ITEM: _identity(raw[c.ITEM]),
        c.RATING: _number(raw[c.RATING]) if c.RATING in raw.columns else one,
        c.TIMESTAMP: to_seconds(raw[c.TIMESTAMP], unit),
    }


def good() -> ibis.Deferred:
    """Tell whether a typed row is an interaction."""
    named = (_[c.USER].fill_null("") != "") & (_[c.ITEM].fill_null("") != "")
    return named & _[c.TIMESTAMP].notnull() & _[c.RATING].notnull()


def _identity(column: ibis.Value) -> ibis.Value:
    """Make ids text. Floats are whole numbers that once met a missing value, or no ids at all."""
    kind = column.type()
    if not (kind.is_floating() or (kind.is_decimal() and kind.scale)):
        return column.cast("string")
    most = 2**63 - 1 if kind.is_decimal() else _EXACT.get(str(kind).removeprefix("!"), 2**53)
    whole = column.between(-most, most) & is_whole(column)
    return ibis.cases((whole, column.try_cast("int64"))).cast("string")


def _number(column: ibis.Value) -> ibis.Value:
    number = column.try_cast("float64")
    if column.type().is_string():
        number = ibis.cases((matches(column, NUMBER), number))
    # NaN is larger than all, but DuckDB drops the comparison where Parquet's own minimum and
    # maximum, which know no NaN, lie within.
    finite = number.between(-LARGEST, LARGEST) & ~number.isnan()
    return ibis.cases((finite, number))

"""What a row of a source must be, as expressions for the engine.

`seqrec.sources.lines` holds the same rules for Python, line by line.
"""

from __future__ import annotations

import ibis
from ibis import _

from seqrec.parameters import Source
from seqrec.tables import columns as c
from seqrec.tables.contracts import LARGEST, LATEST

SECONDS = r"^[0-9]{1,10}$"
MILLISECONDS = r"^[0-9]{1,13}$"
NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$"
DATE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
)


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

"""Units of time: what each looks like, as an expression of the engine and in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import ibis

from seqrec.errors import ProjectError
from seqrec.tables.contracts import LATEST

_DATE = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
SHOWN = 3
"""Examples in a message."""


@dataclass(frozen=True)
class Unit:
    """How a column tells time.

    Attributes:
        name: As in `source.time_unit`.
        pattern: What a whole text of this unit looks like.
        least: The smallest number of this unit.
        most: The largest one.
        per_second: How many make a second; 0 if it is no number.
        words: For messages.
    """

    name: str
    pattern: str
    least: int
    most: int
    per_second: int
    words: str


SECONDS = Unit("s", r"[0-9]{1,10}", 0, LATEST, 1, "seconds since 1970")
MILLISECONDS = Unit("ms", r"[0-9]{1,13}", 0, 1000 * LATEST + 999, 1000, "milliseconds since 1970")
ISO = Unit("iso", _DATE, 0, -1, 0, "ISO 8601")
# What no seconds can be. A number of ten digits further down is a mistake then, not January 1970.
_LARGE = Unit(
    "ms", r"[0-9]{11,13}", LATEST + 1, 1000 * LATEST + 999, 1000, "milliseconds since 1970"
)
UNITS = {unit.name: unit for unit in (SECONDS, MILLISECONDS, ISO)}
_RECOGNISED = (SECONDS, _LARGE, ISO)
_DAY = r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"


def recognise(where: str, times: Iterable[tuple[str, str]]) -> Unit:
    """Tell a column's unit from its first values, all of which must agree.

    Values of no unit are left to whoever looks for bad rows.

    Args:
        where: Names the file and the column.
        times: Where each stands (``line 2``), and the value.

    Returns:
        The unit; seconds if there is no value.

    Raises:
        ProjectError: No unit fits, several do, or it could be days as numbers.
    """
    values = [(row, value) for row, value in times if value]
    first = {
        unit: next((it for it in values if re.fullmatch(unit.pattern, it[1])), None)
        for unit in _RECOGNISED
    }
    found = {unit: example for unit, example in first.items() if example}
    if len(found) > 1:
        kinds = " and ".join(
            f"{unit.words} ({value!r}, {row})" for unit, (row, value) in found.items()
        )
        names = " or ".join(f"source.time_unit={unit.name}" for unit in found)
        raise ProjectError(
            f"{where} mixes {kinds}: mend it, or say which is right with --params {names}; the "
            "others are bad rows then"
        )
    if values and not found:
        raise ProjectError(f"{where} holds {_examples(values)}: {_nothing_fits(values[0][1])}")
    if values and all(re.fullmatch(_DAY, value) for _, value in values):
        raise ProjectError(
            f"{where} holds {_examples(values)}, which could be days or seconds: write days as "
            "2020-01-31, or say --params source.time_unit=s"
        )
    return next(iter(found), SECONDS)


def check_fit(where: str, times: Iterable[tuple[str, str]], unit: Unit) -> str | None:
    """Check that some of a column's first values are of the unit that was named.

    Args:
        where: Names the file and the column.
        times: Where each stands (``line 2``), and the value.
        unit: As in `source.time_unit`.

    Returns:
        A warning, if the values look like another unit.

    Raises:
        ProjectError: None of them is of this unit; names the one that fits.
    """
    values = [(row, value) for row, value in times if value]
    if not values:
        return None
    if not any(re.fullmatch(unit.pattern, value) for _, value in values):
        fits = [other.name for other in _RECOGNISED if re.fullmatch(other.pattern, values[0][1])]
        remedy = f"say --params source.time_unit={fits[0]}" if fits else ""
        raise ProjectError(
            f"{where} holds {_examples(values)}, no {unit.words}: "
            f"{remedy or _nothing_fits(values[0][1])}"
        )
    if unit is MILLISECONDS and all(re.fullmatch(r"[0-9]{9,10}", value) for _, value in values):
        return (
            f"{where} holds {_examples(values)}: as milliseconds all of it lies before May 1970; "
            "seconds would be source.time_unit=s"
        )
    return None


def _examples(values: list[tuple[str, str]]) -> str:
    return ", ".join(f"{value!r} ({row})" for row, value in values[:SHOWN])


def _nothing_fits(value: str) -> str:
    """Say what to do with a column that no unit fits."""
    known = "whole seconds or milliseconds since 1970, or ISO 8601 (2020-01-31T12:00:00Z)"
    if re.fullmatch(r"[0-9]{14,19}", value):
        return f"microseconds or finer, it seems; divide them, times are {known}"
    if re.fullmatch(r"[0-9]+[.][0-9]*", value):
        return f"cut the fraction, times are {known}"
    return f"times are {known}"


def to_seconds(column: ibis.Value, unit: Unit) -> ibis.Value:
    """Express a column's times in int64 seconds; null where there is none from 1970 to 2286.

    Args:
        column: Text, numbers, timestamps or dates.
        unit: Of texts and numbers.
    """
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        seconds = _since_1970(column)
    elif not kind.is_string():
        fits = column.between(unit.least, unit.most) & is_whole(column)
        seconds = _whole(ibis.cases((fits, column.try_cast("int64"))), unit)
    elif unit is ISO:
        seconds = ibis.cases((matches(column, _DATE), _since_1970(column)))
    else:
        number = ibis.cases((matches(column, unit.pattern), column.try_cast("int64")))
        seconds = _whole(number, unit)
    return ibis.cases((seconds.between(0, LATEST), seconds))


def matches(column: ibis.Value, pattern: str) -> ibis.Value:
    r"""Tell whether the whole text matches; ``$`` would allow Java a line end after it."""
    return column.re_search(rf"^(?:{pattern})\z")


def is_whole(column: ibis.Value) -> ibis.Value:
    """Tell whether numbers have no fraction; NaN and infinity are none."""
    return ibis.literal(True) if column.type().is_integer() else column % 1 == 0


def _since_1970(column: ibis.Value) -> ibis.Value:
    moment = column.try_cast("timestamp('UTC')").truncate("s")  # else DuckDB rounds
    return moment.epoch_seconds().cast("int64")


def _whole(number: ibis.Value, unit: Unit) -> ibis.Value:
    return (number / 1000).floor().cast("int64") if unit.per_second == 1000 else number


def parse_time(text: str, unit: Unit) -> int | None:
    """Read a time in seconds, as `to_seconds` does; None where there is none."""
    if not re.fullmatch(unit.pattern, text):
        return None
    seconds = int(text) // unit.per_second if unit.per_second else _parse_date(text)
    return seconds if seconds is not None and 0 <= seconds <= LATEST else None


def _parse_date(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    shift = moment.utcoffset()
    start = datetime(1970, 1, 1)
    plain = moment.replace(tzinfo=None) - (shift or start - start)
    return int((plain - start).total_seconds() // 1)

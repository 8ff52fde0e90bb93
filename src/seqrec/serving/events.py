"""Histories as callers give them: items with times, in whatever form people write times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import ProjectError

LATEST = 10**10 - 1
"""The last second that is taken for a time, in the year 2286."""
LARGEST_RATING = 1e6

Time = float | datetime | str
"""Unix seconds, a datetime, or ISO 8601; UTC if it says nothing."""


@dataclass(frozen=True)
class History:
    """A user's events in order of time.

    Attributes:
        items: Rows of the item embedding, from 1,     int64, (N,).
        times: Unix seconds, never falling,            int64, (N,).
        ratings: NaN where none was given,             float32, (N,).
    """

    items: NDArray[np.int64]
    times: NDArray[np.int64]
    ratings: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the events."""
        return len(self.items)

    def __getitem__(self, which: slice | NDArray[Any]) -> History:
        """Take some of the events."""
        return History(self.items[which], self.times[which], self.ratings[which])

    @classmethod
    def of(cls, items: Sequence[int], times: Sequence[int], ratings: Sequence[float]) -> History:
        """Lay events out as arrays."""
        return cls(
            np.array(items, np.int64), np.array(times, np.int64), np.array(ratings, np.float32)
        )

    def median_gap(self) -> float:
        """Median seconds between events; 0 where there are not two."""
        return float(np.median(np.diff(self.times))) if len(self) > 1 else 0.0


NOTHING = History.of([], [], [])


def to_seconds(time: Any, what: str = "at") -> int:
    """Turn a time into Unix seconds.

    Args:
        time: Seconds, a datetime or ISO 8601; what has no time zone is UTC.
        what: Named in errors.

    Raises:
        ProjectError: It is no time between 1970 and 2286.

    >>> to_seconds("2001-09-09T01:46:40"), to_seconds(1e9), to_seconds("1000000000")
    (1000000000, 1000000000, 1000000000)
    """
    value = _parsed(time, what)
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value) or not 0 <= value <= LATEST:
        hint = ": are these milliseconds?" if LATEST < value <= 1000.0 * LATEST else ""
        raise ProjectError(f"{what}={_shown(time)} lies not between 1970 and 2286{hint}")
    return int(value)


def to_rating(rating: Any) -> float:
    """Check a rating; None becomes NaN.

    Raises:
        ProjectError: It is no finite number.
    """
    if rating is None:
        return math.nan
    if isinstance(rating, bool) or not isinstance(rating, Real):
        raise ProjectError(f"rating={_shown(rating)} is no number")
    if not abs(float(rating)) <= LARGEST_RATING:
        raise ProjectError(f"rating={_shown(rating)} is out of range")
    return float(rating)


def _parsed(time: Any, what: str) -> float | datetime:
    if isinstance(time, datetime):
        return time
    if isinstance(time, Real) and not isinstance(time, bool):
        return float(time)
    if isinstance(time, str):
        try:
            return float(time) if _is_number(time) else datetime.fromisoformat(time)
        except ValueError:
            pass
    raise ProjectError(
        f"{what}={_shown(time)} is no time: give Unix seconds, a datetime or ISO 8601"
    )


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) != 8


def _shown(value: Any) -> str:
    return repr(value)[:80]

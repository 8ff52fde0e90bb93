"""Contracts of tables that are too large to hold: one pass on the engine for all rules.

Small pandas tables keep theirs as Pandera schemas in `seqrec.tables.schemas`.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import ibis
from ibis import _

from seqrec.errors import ProjectError
from seqrec.tables import columns as c

SHOWN = 3
"""Offending rows in a message."""


@dataclass(frozen=True)
class Contract:
    """What a table must be like.

    Attributes:
        types: Columns in order, with Ibis' types; none of them may hold a null.
        extra: Columns after them, of any type.
        rows: What is true of every row, by name: an expression.
        groups: What is true of every user's rows together, by name: an expression of aggregates.
    """

    types: dict[str, str]
    extra: tuple[str, ...]
    rows: dict[str, ibis.Deferred]
    groups: dict[str, ibis.Deferred]

    def check(self, table: ibis.Table, where: str) -> None:
        """Check a table.

        Args:
            table: On any engine.
            where: Named in the message.

        Raises:
            ProjectError: Names the table, the rule, how many rows break it and the first of them.
        """
        self._check_types(table, where)
        filled = {f"{name} is not null": _[name].notnull() for name in self.types}
        self._check(table, {**filled, **self.rows}, where, "rows")
        if self.groups:
            users = table.group_by(c.USER).agg(**self.groups)
            self._check(users, {name: _[name] for name in self.groups}, where, "users")

    def _check_types(self, table: ibis.Table, where: str) -> None:
        found = {name: str(kind).removeprefix("!") for name, kind in table.schema().items()}
        first = {name: kind for name, kind in found.items() if name not in self.extra}
        if list(first.items()) != list(self.types.items()):
            raise ProjectError(f"{where}: columns are {found} instead of {self.types}")

    def _check(
        self, table: ibis.Table, rules: dict[str, ibis.Deferred], where: str, noun: str
    ) -> None:
        broken = {name: ~rule.fill_null(False) for name, rule in rules.items()}
        counts = table.agg(**{name: rule.sum() for name, rule in broken.items()}).to_pandas()
        for name, rule in broken.items():
            number = counts[name].fillna(0).iloc[0]
            if number:
                first = table.filter(rule).limit(SHOWN).to_pandas().to_dict("records")
                raise ProjectError(
                    f"{where}: {int(number)} {noun} break the rule {name!r}, the first: {first}"
                )


LATEST = 10**10 - 1
"""The last second that is taken for a time, in the year 2286: ten digits."""
LARGEST = 1e300
"""Ratings beyond are taken for mistakes; NaN is beyond."""

_SECONDS = _[c.TIMESTAMP].between(0, LATEST)
_RATINGS = {c.USER: "string", c.ITEM: "string", c.RATING: "float64", c.TIMESTAMP: "int64"}

Ratings = Contract(
    types=_RATINGS,
    extra=(c.FILE_ORDER,),
    rows={
        f"{c.USER} is not empty": _[c.USER] != "",
        f"{c.ITEM} is not empty": _[c.ITEM] != "",
        f"{c.RATING} is a finite number": _[c.RATING].between(-LARGEST, LARGEST),
        f"{c.TIMESTAMP} lies between 1970 and 2286": _SECONDS,
    },
    groups={},
)

_count = _.count()


def _count_of(*splits: str) -> ibis.Deferred:
    return _[c.SPLIT].isin(splits).sum()


def _ends_in_turn(split: str) -> ibis.Deferred:
    """Return whether the last interaction of a split, if any, ends it and those before."""
    last = _count_of(*c.SPLITS[: c.SPLITS.index(split) + 1]) - 1
    return ibis.cases((_[c.SPLIT] == split, _[c.POSITION])).max().coalesce(last) == last


Interactions = Contract(
    types={**_RATINGS, c.POSITION: "int64", c.DELTA: "int64", c.SPLIT: "string"},
    extra=(),
    rows={
        f"{c.TIMESTAMP} lies between 1970 and 2286": _SECONDS,
        f"{c.DELTA} is at least 0 and fits into 31 bits": _[c.DELTA].between(0, 2**31 - 1),
        f"{c.SPLIT} is one of {', '.join(c.SPLITS)}": _[c.SPLIT].isin(c.SPLITS),
        "what is tied follows in the same second": (
            ~_[c.SPLIT].isin(c.TIED_WITH.values()) | (_[c.DELTA] == 0)
        ),
    },
    groups={
        "positions count 0, 1, 2, … within each user": (
            (_[c.POSITION].min() == 0)
            & (_[c.POSITION].max() == _count - 1)
            & (_[c.POSITION].sum() * 2 == _count * (_count - 1))
        ),
        "no interaction of a user is there twice": (
            ibis.struct({"item": _[c.ITEM], "time": _[c.TIMESTAMP]}).nunique() == _count
        ),
        f"splits follow in time: {', '.join(c.SPLITS)}; one valid and one test at most": (
            functools.reduce(operator.and_, map(_ends_in_turn, c.SPLITS))
            & (_count_of(c.VALID) <= 1)
            & (_count_of(c.TEST) <= 1)
        ),
    },
)

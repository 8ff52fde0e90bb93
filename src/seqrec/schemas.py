"""Data contracts: what a dataset must look like wherever the catalog loads or saves it."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from seqrec import columns as c


def _no_duplicates(*names: str) -> pa.Check:
    """Build a check that no two rows agree in all the columns named."""
    return pa.Check(
        lambda frame: ~frame.duplicated(list(names)),
        name=f"no two rows with the same ({', '.join(names)})",
    )


def _gapless_positions(frame: pd.DataFrame) -> pd.Series[bool]:
    """Tell, row by row, whether positions count 0, 1, 2, … within each user."""
    return frame[c.POSITION] == frame.groupby(c.USER, sort=False).cumcount()


def _held_out_last(frame: pd.DataFrame) -> pd.Series[bool]:
    """Tell whether each user ends on one validation and one test interaction."""
    from_end = frame.groupby(c.USER, sort=False).cumcount(ascending=False)
    expected = from_end.map({0: c.TEST, 1: c.VALID}).fillna(c.TRAIN)
    return frame[c.SPLIT].astype(str) == expected


_SECONDS = pa.Check.in_range(0, 2**33)  # 1970 to 2242

Ratings = pa.DataFrameSchema(
    {
        c.USER: pa.Column(str),
        c.ITEM: pa.Column(str),
        c.RATING: pa.Column(float, pa.Check.in_range(0.0, 10.0)),
        c.TIMESTAMP: pa.Column("int64", _SECONDS),
    },
    strict=True,
    ordered=True,
)

Movies = pa.DataFrameSchema(
    {
        c.ITEM: pa.Column(str, unique=True),
        c.TITLE: pa.Column(str),
        c.YEAR: pa.Column("Int64", nullable=True),
        c.GENRES: pa.Column(str),
    },
    strict=True,
    ordered=True,
)

Interactions = pa.DataFrameSchema(
    {
        c.USER: pa.Column(str),
        c.ITEM: pa.Column(str),
        c.RATING: pa.Column(float),
        c.TIMESTAMP: pa.Column("int64", _SECONDS),
        c.POSITION: pa.Column("int64", pa.Check.ge(0)),
        c.DELTA: pa.Column("int64", pa.Check.in_range(0, 2**31 - 1)),
        c.SPLIT: pa.Column(str, pa.Check.isin(c.SPLITS)),
    },
    checks=[
        _no_duplicates(c.USER, c.ITEM, c.TIMESTAMP),
        pa.Check(_gapless_positions, name="positions count 0, 1, 2, … within each user"),
        pa.Check(_held_out_last, name="each user ends on one valid and one test interaction"),
    ],
    strict=True,
    ordered=True,
)

TargetRanks = pa.DataFrameSchema(
    {
        c.USER: pa.Column(str),
        c.ITEM: pa.Column(str),
        c.MASK: pa.Column(str, pa.Check.isin(c.MASKS)),
        c.QUERY_TIME: pa.Column(str, pa.Check.isin(c.QUERY_TIMES)),
        c.RANK: pa.Column(float, pa.Check.ge(1.0)),
        c.CANDIDATES: pa.Column("int64", pa.Check.ge(1)),
    },
    checks=[
        _no_duplicates(c.USER, c.MASK, c.QUERY_TIME),
        pa.Check(lambda frame: frame[c.RANK] <= frame[c.CANDIDATES], name="rank ≤ n_candidates"),
    ],
    strict=True,
    ordered=True,
)

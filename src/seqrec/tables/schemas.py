"""Contracts of pandas tables: what they must be like wherever the catalog loads or saves them.

Large tables, which live on an engine, have theirs in `seqrec.tables.contracts`.
"""

from __future__ import annotations

import pandera.pandas as pa

from seqrec.tables import columns as c


def _no_duplicates(*names: str) -> pa.Check:
    """Build a check that no two rows agree in all the columns named."""
    return pa.Check(
        lambda frame: ~frame.duplicated(list(names)),
        name=f"no two rows with the same ({', '.join(names)})",
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

Users = pa.DataFrameSchema(
    {
        c.USER: pa.Column(str, unique=True),
        **{name: pa.Column(str) for name in ("age", "gender", "occupation", "zip_code")},
    },
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

"""Nodes of ``recbole_format``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from seqrec import columns as c
from seqrec.datasets.atomic_files import AtomicTables


def describe_interactions(interactions: pd.DataFrame) -> dict[str, Any]:
    """Count what a reader wants to know before training.

    Args:
        interactions: The interactions with `split` and `delta`.

    Returns:
        Users, items, interactions, sparsity, mean and median history length, share of tied
        steps and of users whose last interaction is tied, first and last time (UTC).
    """
    lengths = interactions.groupby(c.USER).size()
    users, items, count = len(lengths), interactions[c.ITEM].nunique(), len(interactions)
    steps = interactions[interactions[c.POSITION] > 0]
    last = interactions[interactions[c.SPLIT] == c.TEST]
    return {
        "users": users,
        "items": items,
        "interactions": count,
        "sparsity": round(1 - count / (users * items), 6),
        "mean_length": round(float(lengths.mean()), 2),
        "median_length": float(lengths.median()),
        "tied_steps": round(float((steps[c.DELTA] == 0).mean()), 4),
        "users_with_tied_last": round(float((last[c.DELTA] == 0).mean()), 4),
        "first_time": _utc(interactions[c.TIMESTAMP].min()),
        "last_time": _utc(interactions[c.TIMESTAMP].max()),
    }


def write_atomic_files(
    interactions: pd.DataFrame, movies: pd.DataFrame, stats: dict[str, Any]
) -> AtomicTables:
    """Lay out interactions and items as RecBole's atomic files.

    `position` is exact in RecBole's float32 and has no ties, unlike Unix seconds, which it would
    round to 64 s: use it as TIME_FIELD.

    Args:
        interactions: The interactions, sorted by user and position.
        movies: item_id, title, year, genres.
        stats: Saved beside the tables.

    Returns:
        The tables with RecBole's typed field names.
    """
    inter = interactions.rename(
        columns={
            c.USER: f"{c.USER}:token",
            c.ITEM: f"{c.ITEM}:token",
            c.SPLIT: f"{c.SPLIT}:token",
            **{name: f"{name}:float" for name in (c.RATING, c.TIMESTAMP, c.POSITION, c.DELTA)},
        }
    )
    known = movies[movies[c.ITEM].isin(interactions[c.ITEM])]
    item = pd.DataFrame(
        {
            f"{c.ITEM}:token": known[c.ITEM],
            f"{c.TITLE}:token_seq": known[c.TITLE],
            f"{c.YEAR}:token": known[c.YEAR],
            f"{c.GENRES}:token_seq": known[c.GENRES].str.replace("|", " "),
        }
    )
    return AtomicTables(inter=inter, item=item, stats=stats)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat()

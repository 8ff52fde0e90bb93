"""Nodes of ``recbole_format``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import ibis
import pandas as pd
from ibis import _

from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicTables
from seqrec.tables.facts import FINGERPRINT
from seqrec.tables.fingerprint import data_fingerprint

logger = logging.getLogger(__name__)

LEAVE_ONE_OUT = DataProcessing()


def describe_interactions(
    interactions: ibis.Table, data_processing: DataProcessing = LEAVE_ONE_OUT
) -> dict[str, Any]:
    """Describe the interactions in a few figures.

    Args:
        interactions: The interactions with `split` and `delta`.
        data_processing: `split` says whether something is to be held out.

    Returns:
        Users, items, interactions, sparsity, mean and median history length, interactions of each
        split, share of tied steps and of test interactions that are tied, first and last time
        (UTC), the fingerprint of what was held out for whom.

    Raises:
        ProjectError: There is nothing to learn from, to stop training by, or to test with.
    """
    lengths = interactions.group_by(c.USER).agg(length=_.count())
    length = lengths.agg(users=_.count(), median=_["length"].median()).to_pandas().iloc[0]
    users = int(length["users"])
    row = _count(interactions)
    _check_enough(row, users, measured=data_processing.split != "all")
    return {
        "users": users,
        "items": row["items"],
        "interactions": row["count"],
        "sparsity": round(1 - row["count"] / (users * row["items"]), 6),
        "mean_length": round(row["count"] / users, 2),
        "median_length": float(length["median"]),
        "splits": {name: row[name] for name in c.SPLITS if row[name]},
        "tied_steps": round(row["tied"] / max(row["steps"], 1), 4),
        "users_with_tied_last": round(row["tied_tests"] / max(row["tests"], 1), 4),
        "first_time": _utc(row["first"]),
        "last_time": _utc(row["last"]),
        FINGERPRINT: data_fingerprint(interactions),
    }


def _check_enough(counts: dict[str, int], users: int, measured: bool) -> None:
    """Refuse interactions that no model could be trained on, or tested with if it is to be."""
    missing = {
        "targets": "has two training interactions: nothing can be learned. Users need four or "
        "more, two of them before everything that is held out",
        c.VALID: "has a validation interaction: nothing tells when to stop. A user needs three "
        "moments (tie_policy=group), or one from valid_from to test_from (split=temporal)",
        c.TEST: "has a test interaction: nothing can be compared",
    }
    for name, what in missing.items():
        if not counts[name] and (measured or name == "targets"):
            raise ProjectError(f"none of the {users} users {what}")


def write_atomic_files(
    interactions: ibis.Table, movies: pd.DataFrame, users: pd.DataFrame, stats: dict[str, Any]
) -> AtomicTables:
    """Lay out interactions, items and users as RecBole's atomic files.

    `position` is exact in RecBole's float32 and has no ties, unlike Unix seconds, which it would
    round to 64 s: use it as TIME_FIELD.

    Args:
        interactions: The interactions, sorted by user and position.
        movies: item_id, title, year, genres; an item that is missing is titled by its id.
        users: user_id and what is known of them; empty if nothing is.
        stats: Saved beside the tables.

    Returns:
        The interactions, and items and users with RecBole's typed field names.
    """
    ids = interactions.select(c.ITEM).distinct().order_by(c.ITEM).to_pandas()
    known = ids.merge(movies, how="left", on=c.ITEM)
    if len(movies) and known[c.TITLE].isna().all():
        logger.warning(
            "none of the %d titles (the first is of item %r) belongs to an item of the "
            "interactions (the first is %r): do the ids agree?",
            *(len(movies), movies[c.ITEM].iloc[0], ids[c.ITEM].iloc[0]),
        )
    item = pd.DataFrame(
        {
            f"{c.ITEM}:token": known[c.ITEM],
            f"{c.TITLE}:token_seq": known[c.TITLE].fillna(known[c.ITEM]),
            f"{c.YEAR}:token": known[c.YEAR],
            f"{c.GENRES}:token_seq": known[c.GENRES].fillna("").str.replace("|", " "),
        }
    )
    titles = pd.DataFrame(
        {
            c.ITEM: known[c.ITEM],
            c.TITLE: known[c.TITLE].fillna(known[c.ITEM]),
            c.YEAR: known[c.YEAR].astype("Int64"),
            c.GENRES: known[c.GENRES].fillna(""),
        }
    )
    if users.empty:
        return AtomicTables(interactions, item, None, stats, titles)
    askers = interactions.select(c.USER).distinct().order_by(c.USER).to_pandas()
    user = askers.merge(users, how="left", on=c.USER).fillna("").add_suffix(":token")
    return AtomicTables(interactions, item, user, stats, titles)


def _count(interactions: ibis.Table) -> dict[str, int]:
    """Count items, interactions, steps between them, ties and each split, in one query."""
    tied = _[c.DELTA] == 0
    step = _[c.POSITION] > 0
    test = _[c.SPLIT] == c.TEST
    facts = interactions.agg(
        items=_[c.ITEM].nunique(),
        count=_.count(),
        steps=step.sum(),
        tied=(tied & step).sum(),
        tests=test.sum(),
        targets=((_[c.SPLIT] == c.TRAIN) & step).sum(),
        tied_tests=(tied & test).sum() + _[c.USER].nunique(where=_[c.SPLIT] == c.TEST_TIED),
        first=_[c.TIMESTAMP].min(),
        last=_[c.TIMESTAMP].max(),
        **{name: (_[c.SPLIT] == name).sum() for name in c.SPLITS},
    )
    row = facts.to_pandas().iloc[0]
    return {str(name): int(value) for name, value in row.items()}


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()

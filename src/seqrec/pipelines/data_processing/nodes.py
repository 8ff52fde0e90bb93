"""Nodes of ``data_processing``: each is one sentence about ratings."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from seqrec import columns as c
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing

_RATING_COLUMNS = [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]


def clean_ratings(ratings_raw: pd.DataFrame, data_processing: DataProcessing) -> pd.DataFrame:
    """Type the columns, drop ratings below the threshold and exact repetitions.

    Args:
        ratings_raw: A rating per row, in file order.
        data_processing: `min_rating` is the threshold.

    Returns:
        user_id, item_id, rating, timestamp (int64 seconds), still in file order.
    """
    # Ids are names, not numbers: RecBole's tokens, whatever the source calls its users and items.
    types = {c.USER: "str", c.ITEM: "str", c.RATING: "float64", c.TIMESTAMP: "int64"}
    ratings = ratings_raw[_RATING_COLUMNS].astype(types)
    if data_processing.min_rating is not None:
        ratings = ratings[ratings[c.RATING] >= data_processing.min_rating]
    # The first of several in file order stays: no order but the file's exists yet.
    return ratings.drop_duplicates([c.USER, c.ITEM, c.TIMESTAMP], ignore_index=True)


def filter_core(ratings: pd.DataFrame, data_processing: DataProcessing) -> pd.DataFrame:
    """Keep the k-core: users and items with enough interactions among those kept.

    Args:
        ratings: A rating per row.
        data_processing: `user_core` and `item_core`, the fewest interactions of each.

    Returns:
        The largest subset in which every user and every item has enough, in the same order.

    Raises:
        ProjectError: Nothing is left.
    """
    core = ratings
    while True:
        per_user = core.groupby(c.USER)[c.ITEM].transform("size")
        per_item = core.groupby(c.ITEM)[c.USER].transform("size")
        enough = (per_user >= data_processing.user_core) & (per_item >= data_processing.item_core)
        if enough.all():
            break
        core = core[enough]
    if core.empty:
        raise ProjectError(
            f"no interaction survives the {data_processing.user_core}/{data_processing.item_core}"
            "-core: lower data_processing.user_core or item_core"
        )
    return core.reset_index(drop=True)[_RATING_COLUMNS]


def order_history(core_ratings: pd.DataFrame, data_processing: DataProcessing) -> pd.DataFrame:
    """Put every user's interactions in order of time, ties by the policy, never by accident.

    Args:
        core_ratings: A rating per row, in file order.
        data_processing: `tie_policy` orders interactions of a user in the same second.

    Returns:
        The ratings sorted by user and time, with `position` in the history and `delta`, the
        seconds since the user's previous interaction (exact, int64).
    """
    file_order = np.arange(len(core_ratings))
    tie = _tie_hash(core_ratings, data_processing.seed)
    key = file_order if data_processing.tie_policy == "file" else tie
    ordered = core_ratings.assign(tie=key, file_order=file_order).sort_values(
        [c.USER, c.TIMESTAMP, "tie", "file_order"], ignore_index=True
    )
    by_user = ordered.groupby(c.USER, sort=False)
    gap = by_user[c.TIMESTAMP].diff().fillna(0).astype("int64")
    ordered = ordered.assign(**{c.POSITION: by_user.cumcount().astype("int64"), c.DELTA: gap})
    return ordered[[*_RATING_COLUMNS, c.POSITION, c.DELTA]]


def mark_held_out(histories: pd.DataFrame) -> pd.DataFrame:
    """Mark each user's last interaction as test, the one before as validation, the rest as train.

    Args:
        histories: Interactions in order of user and position.

    Returns:
        The same with `split`, the one mark that every model and metric reads.
    """
    from_end = histories.groupby(c.USER, sort=False).cumcount(ascending=False)
    split = np.select([from_end == 0, from_end == 1], [c.TEST, c.VALID], default=c.TRAIN)
    marked = histories.assign(**{c.SPLIT: pd.Series(split, index=histories.index, dtype=str)})
    return marked[[*_RATING_COLUMNS, c.POSITION, c.DELTA, c.SPLIT]]


def _tie_hash(ratings: pd.DataFrame, seed: int) -> list[str]:
    """Hash user, item, time and seed; MD5 because every SQL engine computes the same one."""
    rows = zip(ratings[c.USER], ratings[c.ITEM], ratings[c.TIMESTAMP], strict=True)
    return [
        hashlib.md5(f"{user}|{item}|{time}|{seed}".encode(), usedforsecurity=False).hexdigest()
        for user, item, time in rows
    ]

"""Nodes of ``data_processing``: each is one sentence about ratings.

They are Ibis expressions: DuckDB or Spark computes them when a dataset is saved.
"""

from __future__ import annotations

import ibis
from ibis import _

from seqrec.engine.files import number_rows
from seqrec.engine.sql import left, md5
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing import splits
from seqrec.tables import columns as c

_RATING_COLUMNS = [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]
_INTERACTION_COLUMNS = [*_RATING_COLUMNS, c.POSITION, c.DELTA, c.SPLIT]


def clean_ratings(ratings_raw: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Drop ratings below the threshold and repetitions of an interaction.

    Of several ratings with the same user, item and time the highest stays. They are rare, and
    "the first in the file" would be another one on another engine.

    Args:
        ratings_raw: A rating per row; ids are text, times int64 seconds.
        data_processing: `min_rating` is the threshold; `tie_policy` says what orders ties.

    Returns:
        user_id, item_id, rating, timestamp and, if ties are to stay in the file's order,
        `file_order`.
    """
    by_file = data_processing.tie_policy == "file"
    ratings = number_rows(ratings_raw) if by_file else ratings_raw
    if data_processing.min_rating is not None:
        ratings = ratings.filter(_[c.RATING] >= data_processing.min_rating)
    key = [c.USER, c.ITEM, c.TIMESTAMP]
    first = {c.FILE_ORDER: _[c.FILE_ORDER].min()} if by_file else {}
    ratings = ratings.group_by(key).agg(**{c.RATING: _[c.RATING].max()}, **first)
    return ratings.select(*_RATING_COLUMNS, *first)


def filter_core(ratings: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Keep the k-core: users and items with enough interactions among those kept.

    Only the users and items that remain are held from round to round, never the ratings.

    Args:
        ratings: A rating per row.
        data_processing: `user_core` and `item_core`, the fewest interactions of each.

    Returns:
        The largest subset in which every user and every item has enough.

    Raises:
        ProjectError: Nothing is left.
    """
    core, before = ratings, (-1, -1)
    while True:
        users = _frequent(core, c.USER, data_processing.user_core)
        items = _frequent(core.semi_join(users, c.USER), c.ITEM, data_processing.item_core)
        size = (int(users.count().execute()), int(items.count().execute()))
        if 0 in size:
            raise ProjectError(
                f"no interaction survives the {data_processing.user_core}/"
                f"{data_processing.item_core}-core: lower data_processing.user_core or item_core"
            )
        core = ratings.semi_join(users, c.USER).semi_join(items, c.ITEM)
        if size == before:
            return core.select(ratings.columns)
        before = size


def order_history(core_ratings: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Put every user's interactions in order of time, ties by the policy, never by accident.

    Args:
        core_ratings: A rating per row.
        data_processing: `tie_policy` orders interactions of a user in the same second.

    Returns:
        The ratings with `position` in the history, `delta`, the seconds since the user's previous
        interaction (exact, int64), and `following`, the interactions after it, at most 2.
    """
    # One window for everything: each further one would sort the ratings once more.
    by_file = data_processing.tie_policy == "file"
    tie = _[c.FILE_ORDER] if by_file else _hash(core_ratings, data_processing.seed)
    history = ibis.window(group_by=c.USER, order_by=[c.TIMESTAMP, tie, c.ITEM])
    time = _[c.TIMESTAMP]
    last, last_but_one = (time.lead(n).over(history).isnull() for n in (1, 2))
    columns = {
        c.POSITION: _exact(ibis.row_number().over(history)),
        c.DELTA: (time - time.lag().over(history)).fill_null(0).cast("int64"),
        c.FOLLOWING: ibis.cases((last, 0), (last_but_one, 1), else_=2),
    }
    return core_ratings.mutate(**columns).select(*_RATING_COLUMNS, *columns)


def mark_held_out(histories: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Mark what each interaction is for, the one mark that every model and metric reads.

    Args:
        histories: Interactions with position and time.
        data_processing: `split` is the protocol.

    Returns:
        The same with `split`, in order of user and position.

    Raises:
        ProjectError: Something is to be held out, and nobody has a test interaction.
    """
    marked = splits.PROTOCOLS[data_processing.split](histories, data_processing)
    return marked.select(*_INTERACTION_COLUMNS).order_by(c.USER, c.POSITION)


def _exact(number: ibis.Value) -> ibis.Value:
    """Widen to int64. Ibis takes row numbers for int64 and leaves a cast out; Spark has int32."""
    return number.cast("int32").cast("int64")


def _frequent(ratings: ibis.Table, name: str, fewest: int) -> ibis.Table:
    """List the users or items that occur often enough."""
    counts = ratings.group_by(name).agg(n=_.count())
    return counts.filter(_["n"] >= fewest).select(name).cache()


def _hash(ratings: ibis.Table, seed: int) -> ibis.Value:
    """Hash user, item, time and seed: the first 12 digits, which every engine orders alike."""
    time = ratings[c.TIMESTAMP].cast("string")
    return left(md5(ratings[c.USER] + "|" + ratings[c.ITEM] + "|" + time + f"|{seed}"), 12)

"""Baselines that learn nothing: what is popular, what is popular now, what goes together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from seqrec import columns as c
from seqrec.parameters import Baselines

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
DAY = 86_400


@dataclass(frozen=True)
class _Query:
    """One user to score: items known before the held-out one, and the time of asking."""

    history: Int64
    time: float


Scorer = Callable[[_Query], Float64]


def rank_by_popularity(interactions: pd.DataFrame) -> pd.DataFrame:
    """Rank each test item by how often it occurs in training: the row nobody may fall below.

    Args:
        interactions: With `split`.

    Returns:
        The same table that a trained model's ranks have; ties share their mean rank.
    """
    items, codes, train = _coded(interactions)
    counts = np.bincount(codes[train], minlength=len(items)).astype(float)
    return _rank(interactions, lambda _: counts)


def rank_by_recent_popularity(interactions: pd.DataFrame, baselines: Baselines) -> pd.DataFrame:
    """Rank each test item by how often it occurs in training in the days before it is asked for.

    Args:
        interactions: With `split` and `timestamp`.
        baselines: `recent_days`.

    Returns:
        The same table that a trained model's ranks have.
    """
    items, codes, _ = _coded(interactions)
    # After a cut in time nothing that was trained on is recent: what happened since counts too.
    train = interactions[c.SPLIT].isin([c.TRAIN, c.CONTEXT]).to_numpy()
    order = np.argsort(interactions[c.TIMESTAMP].to_numpy()[train], kind="stable")
    times, sold = interactions[c.TIMESTAMP].to_numpy()[train][order], codes[train][order]

    def score(query: _Query) -> Float64:
        since = query.time - baselines.recent_days * DAY
        first, last = np.searchsorted(times, [since, query.time])
        return np.bincount(sold[first:last], minlength=len(items)).astype(float)

    return _rank(interactions, score)


def rank_by_neighbours(interactions: pd.DataFrame, baselines: Baselines) -> pd.DataFrame:
    """Rank each test item by its similarity to the items of the history (item-kNN).

    Cosine of the items' users in training, with a shrinkage term; only each item's nearest
    neighbours count.

    Args:
        interactions: With `split`.
        baselines: `neighbours`, `shrinkage`.

    Returns:
        The same table that a trained model's ranks have.

    Paper: Item-based collaborative filtering (Sarwar et al., 2001); shrinkage, arXiv 1907.06902.
    """
    items, codes, train = _coded(interactions)
    users = pd.factorize(interactions[c.USER])[0]
    ones = np.ones(int(train.sum()))
    seen = sparse.csr_array(
        (ones, (users[train], codes[train])), shape=(users.max() + 1, len(items))
    )
    similar = _nearest(seen, baselines)
    return _rank(interactions, lambda query: similar[query.history].sum(axis=0))


def _nearest(seen: sparse.csr_array, baselines: Baselines) -> sparse.csr_array:
    """Return similarities of items, (I, I), all but each row's largest set to zero."""
    together = (seen.T @ seen).tocsr()
    norms = np.sqrt(together.diagonal())
    together.setdiag(0)
    together.eliminate_zeros()
    rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
    together.data /= norms[rows] * norms[together.indices] + baselines.shrinkage
    order = np.lexsort((-together.data, rows))
    place = np.arange(len(order)) - together.indptr[rows[order]]
    together.data[order[place >= baselines.neighbours]] = 0.0
    together.eliminate_zeros()
    return together


def _coded(interactions: pd.DataFrame) -> tuple[NDArray[np.str_], Int64, NDArray[np.bool_]]:
    """Return the items, each interaction's item by number, and which are for training."""
    items, codes = np.unique(interactions[c.ITEM], return_inverse=True)
    return items, codes, (interactions[c.SPLIT] == c.TRAIN).to_numpy()


def _rank(interactions: pd.DataFrame, score: Scorer) -> pd.DataFrame:
    """Score all items for each user at both query times, and rank the held-out one."""
    items, codes, _ = _coded(interactions)
    times = interactions[c.TIMESTAMP].to_numpy().astype(float)
    gaps = interactions[c.DELTA].to_numpy()
    rows = []
    is_test = (interactions[c.SPLIT] == c.TEST).to_numpy()
    for user, places in interactions.groupby(c.USER, sort=False).indices.items():
        if not is_test[places].any():
            continue
        place = int(is_test[places].argmax())
        history, (target,), tied = np.split(codes[places], [place, place + 1])
        usual = times[places[place - 1]] + _median(gaps[places[1:place]])
        asked = {c.KNOWN: times[places[place]], c.UNKNOWN: usual}
        hidden = np.setdiff1d(np.r_[history, tied], target)
        for query_time, time in asked.items():
            scores = score(_Query(history, time)).copy()
            scores[target] = scores[np.r_[target, tied]].max()  # any of a tied group counts
            for mask, out in ((c.MASKED, hidden), (c.UNMASKED, tied)):
                rank = 1 + _ahead(scores, target) - _ahead(scores[out], target, scores[target])
                rows.append((user, items[target], mask, query_time, rank, len(items) - len(out)))
    names = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    return pd.DataFrame(rows, columns=names)


def _median(gaps: Int64) -> float:
    """Return the median, 0 of nothing."""
    return float(np.median(gaps)) if len(gaps) else 0.0


def _ahead(scores: Float64, target: int, of: float | None = None) -> float:
    """Count the scores before the target's, half for a tie; the target itself is none."""
    value, itself = (scores[target], 1) if of is None else (of, 0)
    return float((scores > value).sum() + ((scores == value).sum() - itself) / 2)

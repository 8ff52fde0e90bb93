"""What rankers without training share: items by number, a query per user, its ranks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from seqrec.tables.fingerprint import data_fingerprint

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Query:
    """One user to score: items known before the held-out one, and the query time."""

    history: Int64
    time: float


Scorer = Callable[[Query], Float64]


def coded(interactions: pd.DataFrame) -> tuple[NDArray[np.str_], Int64, NDArray[np.bool_]]:
    """Return the items, each interaction's item by number, and which are for training."""
    items, codes = np.unique(interactions[c.ITEM], return_inverse=True)
    return items, codes, (interactions[c.SPLIT] == c.TRAIN).to_numpy()


def rank_targets(interactions: pd.DataFrame, score: Scorer) -> pd.DataFrame:
    """Score all items for each user at both query times, and rank the held-out one."""
    items, codes, _ = coded(interactions)
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
            scores = score(Query(history, time)).copy()
            scores[target] = scores[np.r_[target, tied]].max()  # any of a tied group counts
            for mask, out in ((c.MASKED, hidden), (c.UNMASKED, tied)):
                rank = 1 + _ahead(scores, target) - _ahead(scores[out], target, scores[target])
                rows.append((user, items[target], mask, query_time, rank, len(items) - len(out)))
    names = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    ranks = pd.DataFrame(rows, columns=names)
    ranks.attrs[FACTS] = {"data": data_fingerprint(interactions)}
    return ranks


def _median(gaps: Int64) -> float:
    """Return the median; 0 if there are no values."""
    return float(np.median(gaps)) if len(gaps) else 0.0


def _ahead(scores: Float64, target: int, of: float | None = None) -> float:
    """Count the scores before the target's, half for a tie; the target itself is none."""
    value, itself = (scores[target], 1) if of is None else (of, 0)
    return float((scores > value).sum() + ((scores == value).sum() - itself) / 2)

"""Popularity in the days before the query."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seqrec.parameters import Baselines
from seqrec.ranking.untrained import Float64, Query, coded, rank_targets
from seqrec.tables import columns as c

DAY = 86_400


def rank_by_recent_popularity(interactions: pd.DataFrame, baselines: Baselines) -> pd.DataFrame:
    """Rank each test item by how often it occurs in training in the days before the query.

    Args:
        interactions: With `split` and `timestamp`.
        baselines: `recent_days`.

    Returns:
        The same table that a trained model's ranks have.
    """
    items, codes, _ = coded(interactions)
    # After a cut in time nothing that was trained on is recent: what happened since counts too.
    train = interactions[c.SPLIT].isin([c.TRAIN, c.CONTEXT]).to_numpy()
    order = np.argsort(interactions[c.TIMESTAMP].to_numpy()[train], kind="stable")
    times = interactions[c.TIMESTAMP].to_numpy()[train][order]
    occurring = codes[train][order]

    def score(query: Query) -> Float64:
        since = query.time - baselines.recent_days * DAY
        first, last = np.searchsorted(times, [since, query.time])
        return np.bincount(occurring[first:last], minlength=len(items)).astype(float)

    return rank_targets(interactions, score)

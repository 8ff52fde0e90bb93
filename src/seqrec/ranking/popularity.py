"""Popularity: the baseline that every model should beat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seqrec.ranking.untrained import coded, rank_targets


def rank_by_popularity(interactions: pd.DataFrame) -> pd.DataFrame:
    """Rank each test item by how often it occurs in training.

    Args:
        interactions: With `split`.

    Returns:
        The same table that a trained model's ranks have; ties share their mean rank.
    """
    items, codes, train = coded(interactions)
    counts = np.bincount(codes[train], minlength=len(items)).astype(float)
    return rank_targets(interactions, lambda _: counts)

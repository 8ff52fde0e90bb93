"""Per-user ranking metrics from the rank of the one held-out item.

Ranks start at 1. Among tied scores the rank is the mean rank, so a constant scorer gets the
middle and no credit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


def hit_rate(ranks: ArrayLike, k: int) -> Float64:
    """Return 1 where the held-out item is among the first k: HR@k = [rank ≤ k].

    With one held-out item HR is recall.

    Args:
        ranks: Rank of each user's held-out item, (U,).
        k: Cutoff.

    Returns:
        0 or 1 per user, (U,).

    Examples:
        >>> hit_rate([1, 3, 11], k=10).tolist()
        [1.0, 1.0, 0.0]
    """
    return (np.asarray(ranks, dtype=float) <= k).astype(float)


def ndcg(ranks: ArrayLike, k: int) -> Float64:
    """Discount a hit by its rank: NDCG@k = [rank ≤ k] / log2(rank + 1).

    The ideal list has the one held-out item first, so its DCG is 1.

    Args:
        ranks: Rank of each user's held-out item, (U,).
        k: Cutoff.

    Returns:
        In [0, 1] per user, (U,).

    Examples:
        >>> ndcg([1, 3, 11], k=10).tolist()
        [1.0, 0.5, 0.0]
    """
    ranks = np.asarray(ranks, dtype=float)
    gain: Float64 = hit_rate(ranks, k) / np.log2(ranks + 1)
    return gain


def mrr(ranks: ArrayLike, k: int) -> Float64:
    """Weigh a hit by its reciprocal rank: MRR@k = [rank ≤ k] / rank.

    Args:
        ranks: Rank of each user's held-out item, (U,).
        k: Cutoff.

    Returns:
        In [0, 1] per user, (U,).

    Examples:
        >>> mrr([1, 4, 11], k=10).tolist()
        [1.0, 0.25, 0.0]
    """
    ranks = np.asarray(ranks, dtype=float)
    gain: Float64 = hit_rate(ranks, k) / ranks
    return gain


METRICS = {"HR": hit_rate, "NDCG": ndcg, "MRR": mrr}
"""Every metric by its name in tables."""


def metric_table(ranks: ArrayLike, cutoffs: tuple[int, ...]) -> pd.DataFrame:
    """Compute every metric at every cutoff.

    Args:
        ranks: Rank of each user's held-out item, (U,).
        cutoffs: The k of ``HR@k`` and the others.

    Returns:
        A row per user, a column per metric and cutoff.

    Examples:
        >>> metric_table([2.0], cutoffs=(1, 10)).round(3).to_dict("records")
        [{'HR@1': 0.0, 'NDCG@1': 0.0, 'MRR@1': 0.0, 'HR@10': 1.0, 'NDCG@10': 0.631, 'MRR@10': 0.5}]
    """
    columns = {f"{name}@{k}": fn(ranks, k) for k in cutoffs for name, fn in METRICS.items()}
    return pd.DataFrame(columns)

"""Uncertainty of means over users: the bootstrap, paired where models are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Means with their percentile intervals, one per column, (M,)."""

    mean: Float64
    low: Float64
    high: Float64


def bootstrap_mean(values: Float64, samples: int, confidence: float, seed: int) -> Interval:
    """Estimate the mean over users and its percentile bootstrap interval.

    Users are drawn with replacement. For a paired comparison pass per-user differences: both
    models then see the same users in every sample.

    Args:
        values: A row per user, a column per metric, (U, M).
        samples: Bootstrap samples.
        confidence: Probability the interval covers, such as 0.95.
        seed: Seed of the draws.

    Returns:
        Mean and interval of each column.

    Paper: Efron, Bootstrap Methods (1979); for recommenders, arXiv 2305.02461.

    >>> ten = np.array([[0.0], [1.0]] * 50)
    >>> interval = bootstrap_mean(ten, samples=1000, confidence=0.95, seed=1)
    >>> float(interval.mean[0]), bool(0.35 < interval.low[0] < 0.45)
    (0.5, True)
    """
    generator = np.random.default_rng(seed)
    users = len(values)
    means = np.empty((samples, values.shape[1]))
    for draw in means:
        # How often each user is drawn, rather than the users: no copy of the table per sample.
        counts = np.bincount(generator.integers(users, size=users), minlength=users)
        draw[:] = counts @ values / users
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return Interval(values.mean(axis=0), low, high)

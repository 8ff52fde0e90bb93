"""Uncertainty of means over users: the bootstrap, paired where models are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


ENOUGH_SEEDS = 3
"""Trainings of a model from which an interval says something of another training."""
USERS = "users"
USERS_ONLY = "users only"
USERS_AND_SEEDS = "users and seeds"
ONE_USER = "one user gives no interval"


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

    Examples:
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
    return _interval(values.mean(axis=0), means, confidence)


@dataclass(frozen=True)
class Difference:
    """A difference of two models' means.

    Attributes:
        mean: First minus second.
        low: Lower end of the interval.
        high: Upper end.
        p: Two-sided bootstrap p-value of no difference; at least 1 / samples, 1 for one user.
        effect: Mean over standard deviation of the per-user differences; NaN for one user.
    """

    mean: float
    low: float
    high: float
    p: float
    effect: float


def bootstrap_seeds(
    first: Float64, second: Float64 | None, samples: int, confidence: float, seed: int
) -> Difference:
    """Bootstrap a mean, or a difference of two, over users and over trainings.

    Each sample draws users with replacement, the same for both models, and each model's trainings
    (seeds) with replacement. With `ENOUGH_SEEDS` trainings the interval covers another sample of
    users and another training; with fewer it covers users only, see `covers`.

    Args:
        first: A row per training, a column per user, (S, U).
        second: Likewise, for the same users, (T, U); None for the first's own mean.
        samples: Bootstrap samples.
        confidence: Probability the interval covers.
        seed: Seed of the draws.

    Examples:
        >>> first, second = np.array([[1.0, 2.0, 3.0]] * 3), np.array([[0.0, 1.0, 2.0]] * 3)
        >>> found = bootstrap_seeds(first, second, samples=200, confidence=0.95, seed=1)
        >>> found.mean, round(found.low, 9), round(found.high, 9), found.p
        (1.0, 1.0, 1.0, 0.005)
    """
    generator = np.random.default_rng(seed)
    users, means = first.shape[1], np.empty((samples, 1))
    models = [first] if second is None else [first, second]
    for draw in means:
        counts = np.bincount(generator.integers(users, size=users), minlength=users) / users
        drawn = [m[generator.integers(len(m), size=len(m))].mean(axis=0) @ counts for m in models]
        draw[:] = drawn[0] - sum(drawn[1:])
    per_user = first.mean(axis=0) - (0.0 if second is None else second.mean(axis=0))
    found = _interval(per_user.mean(keepdims=True), means, confidence)
    mean, low, high = (float(x[0]) for x in (found.mean, found.low, found.high))
    if users == 1:  # every sample is that user: nothing is known of others
        return Difference(mean, low, high, p=1.0, effect=np.nan)
    tail = min((means <= 0).mean(), (means >= 0).mean())
    spread = float(per_user.std(ddof=1))
    effect = float(per_user.mean()) / spread if spread else 0.0
    return Difference(mean, low, high, min(1.0, max(2 * float(tail), 1 / samples)), effect)


def covers(*seeds: int | None) -> str:
    """Say what an interval of `bootstrap_seeds` covers.

    Two trainings drawn with replacement show half of the variance between trainings, one none.

    Args:
        *seeds: Trainings of each model; None for one that is not trained.

    Returns:
        `USERS_AND_SEEDS`, `USERS_ONLY`, or `USERS` where nothing was trained.

    Examples:
        >>> covers(3, None), covers(3, 1), covers(None)
        ('users and seeds', 'users only', 'users')
    """
    trained = [n for n in seeds if n is not None]
    if not trained:
        return USERS
    return USERS_AND_SEEDS if min(trained) >= ENOUGH_SEEDS else USERS_ONLY


def holm(p_values: ArrayLike) -> Float64:
    """Adjust p-values for their number (Holm): any at or below α is significant at α together.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    steps = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def _interval(mean: Float64, means: Float64, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return Interval(mean, low, high)

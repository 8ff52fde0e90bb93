"""What lists are like beyond accuracy: how much of the catalogue, how even, how mixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def coverage(items: ArrayLike, n_items: int) -> float:
    """Share of the catalogue that is in any list: |items| / n_items.

    Examples:
        >>> coverage(["a", "b", "a"], n_items=4)
        0.5
    """
    return len(np.unique(np.asarray(items))) / n_items


def gini(counts: ArrayLike) -> float:
    """Inequality of how often items are listed: 0 for all alike, 1 for one item alone.

    G = Σ (2i − n − 1) xᵢ / (n Σ xᵢ), x sorted from small to large, i from 1.

    Args:
        counts: How often each item of the catalogue is listed, zeros included, (I,).

    Examples:
        >>> gini([1, 1, 1, 1]), round(gini([0, 0, 0, 8]), 2)
        (0.0, 0.75)
    """
    x = np.sort(np.asarray(counts, dtype=float))
    place = np.arange(1, len(x) + 1)
    return float(((2 * place - len(x) - 1) * x).sum() / (len(x) * x.sum()))


def genre_diversity(genres: list[str]) -> float:
    """Mean Jaccard distance of the genres of a list's pairs: 1 − |A ∩ B| / |A ∪ B|.

    Args:
        genres: Of each item, separated by ``|``.

    Examples:
        >>> round(genre_diversity(["War|Drama", "War", "Comedy"]), 3)  # pairs: 1/2, 1, 1
        0.833
    """
    sets = [set(text.split("|")) for text in genres]
    pairs = [(a, b) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    return float(np.mean([1 - len(a & b) / len(a | b) for a, b in pairs])) if pairs else 0.0


def overlap(first: Mapping[str, set[Any]], second: Mapping[str, set[Any]]) -> float:
    """Mean share of a user's first list that is in the second.

    Args:
        first: Items of each user as sets, by user.
        second: Likewise.

    Examples:
        >>> overlap({"u": {1, 2}}, {"u": {2, 3}})
        0.5
    """
    return float(np.mean([len(a & second[user]) / len(a) for user, a in first.items()]))

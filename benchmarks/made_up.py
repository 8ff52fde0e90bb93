"""Made-up interactions of ML-32M's size and shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

USERS, RATINGS = 200_948, 32_000_204


@dataclass(frozen=True)
class Histories:
    """Users one after the other, each in the order of time.

    Attributes:
        lengths: Interactions of each user.
        items: From 1, by Zipf's law.
        gaps: Seconds since the one before; 40 in 100 are ties.
        generator: For what else is to be drawn.
    """

    lengths: np.ndarray
    items: np.ndarray
    gaps: np.ndarray
    generator: np.random.Generator


def histories(
    count: int, n_items: int, exponent: float, longest_gap: int, seed: int = 0
) -> Histories:
    """Draw about `count` interactions.

    Args:
        count: As many users as ML-32M has for so many.
        n_items: Items there are.
        exponent: Of Zipf's law.
        longest_gap: Seconds; one gap in a hundred is drawn up to it, the others up to 90.
        seed: Of the generator.
    """
    generator = np.random.default_rng(seed)
    lengths = generator.lognormal(0, 1.1, max(1, round(USERS * count / RATINGS)))
    lengths = np.maximum(20, lengths * count / lengths.sum()).astype(np.int64)
    total = int(lengths.sum())
    popularity = np.cumsum(1 / np.arange(1, n_items + 1) ** exponent)
    items = np.searchsorted(popularity, generator.random(total) * popularity[-1]) + 1
    gaps = np.where(generator.random(total) < 0.4, 0, generator.integers(1, 90, total))
    gaps += (generator.random(total) < 0.01) * generator.integers(0, longest_gap, total)
    return Histories(lengths, items, gaps, generator)

"""Interactions as flat arrays, and the rows that a loader cuts from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seqrec import columns as c

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Slices of the flat arrays: one training sample or one user to score each.

    Attributes:
        start: First input of each row, an index of the flat arrays,          (R,).
        length: Inputs in each row; the target of the last follows it,        (R,).
        first_target: Inputs before it only give context; their targets belong to another row or
            to none,                                                          (R,).
    """

    start: Int64
    length: Int64
    first_target: Int64


@dataclass(frozen=True)
class Histories:
    """Every interaction once, sorted by user and position.

    Attributes:
        users: RecBole's user ids,                       (N,).
        items: RecBole's item ids,                       (N,).
        deltas: Seconds since the previous interaction,  (N,).
        splits: `train`, `valid` or `test`,              (N,).
        offsets: First interaction of each user,         (U,).
        sizes: Training interactions of each user,       (U,).
    """

    users: Int64
    items: Int64
    deltas: NDArray[np.float32]
    splits: NDArray[np.str_]
    offsets: Int64
    sizes: Int64

    @classmethod
    def from_columns(
        cls,
        users: Int64,
        items: Int64,
        positions: Int64,
        deltas: NDArray[np.float32],
        splits: NDArray[np.str_],
    ) -> Histories:
        """Index interactions that are sorted by user and position.

        Raises:
            ValueError: They are not sorted, or a user's positions do not count from 0.
        """
        offsets = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
        counts = np.diff(np.r_[offsets, len(users)])
        expected = np.arange(len(users)) - np.repeat(offsets, counts)
        if len(np.unique(users[offsets])) != len(offsets) or (positions != expected).any():
            raise ValueError("interactions are not sorted by user and position")
        sizes = np.add.reduceat((splits == c.TRAIN).astype(np.int64), offsets)
        return cls(users, items, deltas, splits, offsets, sizes)

    def held_out(self, split: str, max_length: int) -> Rows:
        """One row per user: the last `max_length` interactions before the held-out one."""
        target = np.flatnonzero(self.splits == split)
        length = np.minimum(
            target - np.repeat(self.offsets, self._held_out_counts(split)), max_length
        )
        return Rows(target - length, length, np.maximum(length - 1, 0))

    def prefixes(self, max_length: int) -> Rows:
        """RecBole's augmentation: a row for each training interaction but the user's first."""
        within = np.concatenate([np.arange(1, size) for size in self.sizes])
        target = np.repeat(self.offsets, self.sizes - 1) + within
        length = np.minimum(within, max_length)
        return Rows(target - length, length, length - 1)

    def windows(self, max_length: int) -> Rows:
        """Windows that cover each training target exactly once.

        A history longer than the window is covered by windows half a window apart, so that a
        target has at least half a window of context.
        """
        rows = [
            (offset + start, length, first)
            for offset, size in zip(self.offsets, self.sizes, strict=True)
            for start, length, first in _cover(int(size) - 1, max_length)
        ]
        start, length, first_target = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        return Rows(start, length, first_target)

    def median_gaps(self, split: str) -> NDArray[np.float32]:
        """Median seconds between the interactions before each held-out one, by row."""
        order = {c.TRAIN: 0, c.VALID: 1, c.TEST: 2}
        rank = np.vectorize(order.__getitem__)(self.splits)
        seen = rank < order[split]
        seen[self.offsets] = False  # a first interaction has no gap
        medians = pd.Series(self.deltas[seen]).groupby(self.users[seen]).median()
        wanted = self.users[self.splits == split]
        return medians.reindex(wanted, fill_value=0.0).to_numpy(dtype=np.float32)

    def _held_out_counts(self, split: str) -> Int64:
        return np.add.reduceat((self.splits == split).astype(np.int64), self.offsets)


def _cover(inputs: int, window: int) -> list[tuple[int, int, int]]:
    """Cut `inputs` positions into (start, length, first target) with windows half apart."""
    if inputs <= 0:
        return []
    step = max(window // 2, 1)
    rows = [(0, min(inputs, window), 0)]
    covered = rows[0][1]
    while covered < inputs:
        end = min(covered + step, inputs)
        rows.append((end - window, window, covered - (end - window)))
        covered = end
    return rows

"""Interactions as flat arrays, and the rows that a loader cuts from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seqrec.tables import columns as c

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
CODE = {split: code for code, split in enumerate(c.SPLITS)}
"""Splits as they stand in flat arrays: in order of time, so that `<` means earlier."""


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

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.start)

    def __getitem__(self, index: slice | Int64) -> Rows:
        """Take some of the rows."""
        return Rows(self.start[index], self.length[index], self.first_target[index])

    @property
    def targets(self) -> Int64:
        """Targets that each row learns, (R,)."""
        return self.length - self.first_target


@dataclass(frozen=True)
class Histories:
    """Every interaction once, sorted by user and position: 13 bytes each.

    Attributes:
        users: RecBole's user ids,                               int32, (N,).
        items: RecBole's item ids,                               int32, (N,).
        deltas: Seconds since the previous interaction, exact,   int32, (N,).
        splits: `CODE` of what each is for,                     int8,  (N,).
        offsets: First interaction of each user,                 (U,).
        sizes: Training interactions of each user,               (U,).
        features: What else is known of each, by name of `FEATURES`,  (N,) each.
    """

    users: Int32
    items: Int32
    deltas: Int32
    splits: NDArray[np.int8]
    offsets: Int64
    sizes: Int64
    features: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def from_columns(
        cls,
        users: Int32,
        items: Int32,
        positions: Int32,
        deltas: Int32,
        splits: NDArray[np.int8],
        features: Mapping[str, NDArray[Any]] | None = None,
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
        sizes = np.add.reduceat((splits == CODE[c.TRAIN]).astype(np.int64), offsets)
        return cls(users, items, deltas, splits, offsets, sizes, features or {})

    def held_out(self, split: str, max_length: int) -> Rows:
        """One row per user: the last `max_length` interactions before the held-out one."""
        is_target = self.splits == CODE[split]
        target = np.flatnonzero(is_target)
        counts = np.add.reduceat(is_target.astype(np.int64), self.offsets)
        length = np.minimum(target - np.repeat(self.offsets, counts), max_length)
        return Rows(target - length, length, np.maximum(length - 1, 0))

    def tied(self, split: str) -> Int32:
        """Items that count as right beside each held-out one, by row; padded with 0, (R, G)."""
        held_out, tied = (
            np.flatnonzero(self.splits == CODE[name]) for name in (split, c.TIED_WITH[split])
        )
        row = np.searchsorted(held_out, tied) - 1  # they follow it
        place = tied - held_out[row] - 1
        items = np.zeros((len(held_out), place.max(initial=-1) + 1), np.int32)
        items[row, place] = self.items[tied]
        return items

    def complete(self, max_length: int) -> Rows:
        """One row per user: the last `max_length` interactions, the held-out ones too."""
        ends = np.r_[self.offsets[1:], len(self.users)]
        length = np.minimum(ends - self.offsets, max_length)
        return Rows(ends - length, length, length)

    def prefixes(self, max_length: int) -> Rows:
        """RecBole's augmentation: a row for each training interaction but the user's first."""
        counts = np.maximum(self.sizes - 1, 0)
        within = _count_up(counts) + 1
        target = np.repeat(self.offsets, counts) + within
        length = np.minimum(within, max_length)
        return Rows(target - length, length, length - 1)

    def windows(self, max_length: int, shift: int = 0) -> Rows:
        """Windows that cover each training target exactly once.

        A history longer than the window is covered by windows half a window apart, so that a
        target has at least half a window of context, or all there is.

        Args:
            max_length: Inputs in a window.
            shift: Inputs by which the first window of a long history ends earlier, in
                [0, max_length // 2): drawn anew each epoch, it moves all later borders.
        """
        step, inputs = max(max_length // 2, 1), np.maximum(self.sizes - 1, 0)
        first_end = np.where(inputs > max_length, max_length - shift, inputs)
        counts = (inputs > 0) * (1 + -(-(inputs - first_end) // step))
        which = _count_up(counts)
        begin, inputs, first_end = (
            np.repeat(x, counts) for x in (self.offsets, inputs, first_end)
        )
        end = np.minimum(first_end + which * step, inputs)
        start = np.maximum(end - max_length, 0)
        learned_from = np.where(which == 0, 0, first_end + (which - 1) * step)
        return Rows(begin + start, end - start, learned_from - start)

    def before(self, rows: Rows) -> Int64:
        """Count each row's user's interactions before its first input, (R,)."""
        user = np.searchsorted(self.offsets, rows.start, side="right") - 1
        return rows.start - self.offsets[user]

    def median_gaps(self, split: str) -> NDArray[np.float32]:
        """Median seconds between the interactions before each held-out one, by row."""
        seen = self.splits < CODE[split]
        seen[self.offsets] = False  # a first interaction has no gap
        medians = pd.Series(self.deltas[seen]).groupby(self.users[seen]).median()
        wanted = self.users[self.splits == CODE[split]]
        return medians.reindex(wanted, fill_value=0.0).to_numpy(dtype=np.float32)


def _count_up(counts: Int64) -> Int64:
    """Count 0, 1, … within each group.

    Examples:
        >>> _count_up(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) - np.repeat(starts, counts)

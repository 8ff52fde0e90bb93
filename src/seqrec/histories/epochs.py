"""Which rows an epoch visits, in which order, and who computes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrec.histories.arrays import Int64
from seqrec.training.processes import Processes

SHARDS = 8
"""Groups of users, by id; consecutive rows of an epoch come from different ones."""


@dataclass(frozen=True)
class Part:
    """What one process computes in one pass.

    Attributes:
        rows: Some of the step's rows.
        share: Their targets, as a share of the step's.
    """

    rows: Int64
    share: float


@dataclass(frozen=True)
class Epoch:
    """One pass over all rows.

    Attributes:
        parts: For each step the parts of this process, one per accumulated pass.
        targets: Targets in each step, of all processes together.
    """

    parts: list[list[Part]]
    targets: Int64

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.parts)


def plan_epoch(
    users: NDArray[np.integer],
    targets: Int64,
    batch_size: int,
    generator: np.random.Generator,
    processes: Processes,
    accumulate: int = 1,
) -> Epoch:
    """Shuffle rows, cut them into steps, and deal each step's rows by user.

    Steps hold the same rows whatever the number of processes: it does not change what is learned.

    Args:
        users: User of each row,               (R,).
        targets: Targets each row learns,      (R,).
        batch_size: Rows in a step, of all processes together.
        generator: Decides the order.
        processes: Share the work; each has the users whose id modulo their number is its own.
        accumulate: Passes a step is split into.
    """
    order = _deal(users, generator.permutation(len(users)))
    parts = []
    totals = []
    for first in range(0, len(order), batch_size):
        step = order[first : first + batch_size]
        mine = step[users[step] % processes.count == processes.index]
        total = targets[step].sum()
        dealt = [mine[part::accumulate] for part in range(accumulate)]
        parts.append([Part(rows, float(targets[rows].sum() / total)) for rows in dealt])
        totals.append(total)
    return Epoch(parts, np.array(totals, dtype=np.int64))


def _deal(users: NDArray[np.integer], order: Int64) -> Int64:
    """Reorder so that groups of users take turns: every process has work in every step."""
    group = users[order] % SHARDS
    by_group = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=SHARDS)
    turn = np.empty(len(order), dtype=np.int64)
    starts = np.cumsum(counts) - counts
    turn[by_group] = np.arange(len(order)) - np.repeat(starts, counts)
    return order[np.lexsort((group, turn))]

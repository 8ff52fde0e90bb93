"""Which rows an epoch visits, in which order, and who computes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrec.histories.arrays import Int64
from seqrec.training.processes import Processes

GROUPS = 8
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
        everyones: Rows of each part of every process: room made for them is the same in all.
    """

    parts: list[list[Part]]
    targets: Int64
    everyones: list[Int64]

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.parts)


def plan_epoch(
    users: NDArray[np.integer],
    targets: Int64,
    sizes: Int64,
    batch_size: int,
    generator: np.random.Generator,
    processes: Processes,
    accumulate: int = 1,
) -> Epoch:
    """Shuffle rows, cut them into steps, and deal each step's rows to the processes.

    Steps hold the same rows whatever the number of processes: it does not change what is learned.

    Args:
        users: User of each row,               (R,).
        targets: Targets each row learns,      (R,).
        sizes: Inputs of each row,             (R,).
        batch_size: Rows in a step, of all processes together.
        generator: Decides the order.
        processes: Share the work: each gets as many inputs of a step as the others, almost.
        accumulate: Passes a step is split into.
    """
    order = _take_turns(users, generator.permutation(len(users)))
    parts = []
    totals = []
    everyones = []
    for first in range(0, len(order), batch_size):
        step = order[first : first + batch_size]
        total = targets[step].sum()
        hands = _deal(step, sizes, processes.count)
        dealt = [[hand[part::accumulate] for part in range(accumulate)] for hand in hands]
        mine = dealt[processes.index]
        parts.append([Part(rows, float(targets[rows].sum() / total)) for rows in mine])
        totals.append(total)
        everyones += [rows for hand in dealt for rows in hand]
    return Epoch(parts, np.array(totals, dtype=np.int64), everyones)


def _deal(step: Int64, sizes: Int64, count: int) -> list[Int64]:
    """Deal a step's rows out by size, there and back again: hands differ by one row at most.

    >>> _deal(np.arange(5), np.array([9, 5, 4, 3, 1]), 2)
    [array([0, 3, 4]), array([1, 2])]
    """
    lap, turn = np.divmod(np.arange(len(step)), count)
    hand = np.empty(len(step), dtype=np.int64)
    hand[np.argsort(-sizes[step], kind="stable")] = np.where(lap % 2, count - 1 - turn, turn)
    return [step[hand == process] for process in range(count)]


def _take_turns(users: NDArray[np.integer], order: Int64) -> Int64:
    """Reorder so that groups of users take turns.

    Checkpoints taken amid an epoch rely on this order: it stays as it is.
    """
    group = users[order] % GROUPS
    by_group = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=GROUPS)
    turn = np.empty(len(order), dtype=np.int64)
    starts = np.cumsum(counts) - counts
    turn[by_group] = np.arange(len(order)) - np.repeat(starts, counts)
    return order[np.lexsort((group, turn))]

"""What each position has seen: its history's ids, never a mask of positions and items.

A loss over unseen items leaves out, at each position, the items that stand in its history so far.
A table says from which step on each history has seen each item. It takes 2 bytes for each history
and item: 21 MB for 128 histories and 84,000 items, where a mask of 25,600 positions takes 2 GB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seqrec.ops.packing import Packing

ALIGN = 64
"""Columns of a table are a multiple of it: a tile of a kernel never leaves its row."""


@dataclass(frozen=True)
class Seen:
    """The histories of a batch's positions, as events in rows at steps.

    A position has seen the items of its row's events at its own step or before. Step 0 is the
    first of a history's window; all that came before the window is at step −1.

    Attributes:
        rows:   History of each position; `histories` for one that is nobody's,  (T,).
        steps:  Its step,                                                        (T,).
        items:  Item of each event, 0 for none,                                  (N,).
        owners: Its history; `histories` if it is nobody's,                      (N,).
        since:  Its step,                                                        (N,).
        histories: Rows.
        max_seqlen: Most steps of a window.
    """

    rows: Tensor
    steps: Tensor
    items: Tensor
    owners: Tensor
    since: Tensor
    histories: int
    max_seqlen: int

    @classmethod
    def of_windows(cls, inputs: Tensor, packing: Packing, before: Tensor, counts: Tensor) -> Seen:
        """Take every input as an event and as a position.

        Args:
            inputs:  Items of the windows, 0 for none,                          (T,).
            packing: Where the windows lie; those after the first B are nobody's.
            before:  Items before the windows, history by history, then zeros,  (E,).
            counts:  How many of them each history has,                         (B,).
        """
        place = torch.arange(len(inputs), device=inputs.device)
        row = torch.searchsorted(packing.cu_seqlens[1:], place, right=True)
        steps = place - packing.cu_seqlens[row]
        rows = row.clamp(max=len(counts))
        earlier = torch.arange(len(before), device=inputs.device)
        owners = torch.searchsorted(counts.cumsum(0), earlier, right=True)
        return cls(
            rows,
            steps,
            torch.cat([inputs, before]),
            torch.cat([rows, owners]),
            torch.cat([steps, torch.full_like(owners, -1)]),
            len(counts),
            packing.max_seqlen,
        )

    def at(self, positions: Tensor) -> Seen:
        """Keep some of the positions, and all events."""
        return replace(self, rows=self.rows[positions], steps=self.steps[positions])

    def table(self, n_items: int) -> SeenTable:
        """Note when each history sees each item first; sizes do not depend on values."""
        kind = torch.int16 if self.max_seqlen < torch.iinfo(torch.int16).max else torch.int32
        width = -(-n_items // ALIGN) * ALIGN
        never = torch.iinfo(kind).max
        size = (self.histories + 1, width)
        first = torch.full(size, never, dtype=kind, device=self.items.device)
        # The last row is nobody's. What is no event is spread over it: atomics on one place queue.
        spread = torch.arange(len(self.items), device=self.items.device) % width
        nowhere = self.histories * width + spread
        place = torch.where(self.items > 0, self.owners * width + self.items, nowhere)
        first.view(-1).scatter_reduce_(0, place, self.since.to(kind), "amin")
        return SeenTable(self.rows, self.steps.to(kind), first)


@dataclass(frozen=True)
class SeenTable:
    """From which step on each history has seen each item.

    Attributes:
        rows:  History of each position,                                        (T,).
        steps: Its step,                                  int16 or int32,       (T,).
        first: Step of an item's first event, −1 before the window, more than any step if there is
            none; columns after the last item have no meaning,  as `steps`,  (B + 1, W).
    """

    rows: Tensor
    steps: Tensor
    first: Tensor

    def __getitem__(self, here: slice) -> SeenTable:
        """Take some of the positions."""
        return SeenTable(self.rows[here], self.steps[here], self.first)

    def left_out(self, targets: Tensor, n_items: int) -> Tensor:
        """Return which items positions have seen, their targets excepted, (T, n_items)."""
        seen = self.first[self.rows, :n_items] <= self.steps[:, None]
        return seen.scatter_(1, targets[:, None], False)

    def of(self, items: Tensor) -> Tensor:
        """Return which of some items, (S,), positions have seen, (T, S)."""
        return self.first[:, items][self.rows] <= self.steps[:, None]

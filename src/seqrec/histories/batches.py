"""Batches cut out of flat arrays by indexing, on the device that holds them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seqrec.histories.arrays import Histories, Int64, Rows
from seqrec.histories.features import feature_list
from seqrec.training.step import Fields

ITEM_LIST = "item_id_list"
"""Inputs: item ids; (B, L), or (T,) packed."""
TIED_LIST = "tied_list"
"""Items that count as right beside the held-out one, padded with 0, (B, G)."""
DELTA_LIST = "delta_list"
"""Seconds from each input to the next event; shaped as the inputs."""
TARGET_LIST = "target_list"
"""The item after each input, 0 where it is not to be learned; shaped as the inputs."""
LENGTH = "item_length"
"""Inputs of each row, (B,)."""
CU_SEQLENS = "cu_seqlens"
"""Where each row of a packed batch begins, and the end, (R + 1,)."""
BEFORE_LIST = "before_list"
"""Items before the rows' first inputs, row by row, then zeros, (E,); only where the loss leaves
out what a position has seen."""
NEGATIVE_LIST = "negative_list"
"""Sampled items: beside each target, (..., negatives), or one set for all, (negatives,)."""
LOG_Q = "log_q"
"""Log-probability that an item is drawn, (n_items,)."""
LABEL = "label"
"""1 for a user-item pair of the data, 0 for a drawn one, (B,)."""
NEGATIVE_ITEM = "neg_item_id"
"""A drawn item beside each pair, (B,)."""
SHARE = "share"
"""Weight of a part's mean loss in its step's, a scalar."""

START = "start"
"""First input of each row, an index of the flat arrays, (R,)."""
FIRST_TARGET = "first_target"
"""Inputs of each row that only give context, (R,)."""
BEFORE = "before"
"""Interactions of the user before each row's first input, (R,)."""
LAST_INTERVAL = "last_interval"
"""Seconds from the last input to the query, where they are not those of the data, (R,)."""


def row_fields(rows: Rows, capacity: int | None = None, before: Int64 | None = None) -> Fields:
    """Turn rows into tensors, (R,), filled up with empty rows to a fixed number.

    Args:
        rows: What is cut.
        capacity: Rows to fill up to; None for no more than there are.
        before: Interactions before each row, if they are wanted, (R,).
    """
    missing = 0 if capacity is None else capacity - len(rows)
    columns = {START: rows.start, LENGTH: rows.length, FIRST_TARGET: rows.first_target}
    if before is not None:
        columns[BEFORE] = before
    return {name: torch.from_numpy(np.pad(x, (0, missing))) for name, x in columns.items()}


class HistoryCutter:
    """Cuts rows into batches on the device that holds `histories`.

    Args:
        histories: All interactions.
        device: Where the arrays are kept and batches are made.
    """

    def __init__(self, histories: Histories, device: torch.device | str) -> None:
        self.items, self.deltas, self.users = (
            torch.from_numpy(np.require(x, requirements="W")).to(device)
            for x in (histories.items, histories.deltas, histories.users)
        )
        self.features = {
            feature_list(name): torch.from_numpy(np.require(x, requirements="W")).to(device)
            for name, x in histories.features.items()
        }

    def users_of(self, fields: Fields) -> Tensor:
        """Return the user of each row, (R,)."""
        return self.users[fields[START]].long()

    def before(self, fields: Fields, capacity: int) -> Fields:
        """Cut what lies before the rows.

        Args:
            fields: From `row_fields`, with `BEFORE`, on the cutter's device.
            capacity: E, at least the rows' earlier interactions together.

        Returns:
            Their items, (E,), and how many of them each row has, (R,).
        """
        counts = fields[BEFORE]
        ends = counts.cumsum(0)
        place = torch.arange(capacity, device=counts.device)
        row = torch.searchsorted(ends, place, right=True)
        # A row begins where its earlier interactions end; after the last row there is nothing.
        shift = torch.cat([fields[START] - ends, ends.new_zeros(1)])
        inside = row < len(counts)
        items = self.items[torch.where(inside, place + shift[row], 0)]
        return {BEFORE_LIST: torch.where(inside, items, 0).long(), BEFORE: counts}

    def dense(self, fields: Fields, width: int) -> Fields:
        """Cut a batch padded on the right.

        Args:
            fields: From `row_fields`, on the cutter's device.
            width: Columns; at least the longest row.

        Returns:
            Inputs, intervals and targets, (R, width), and lengths, (R,).
        """
        start, length = fields[START][:, None], fields[LENGTH][:, None]
        step = torch.arange(width, device=start.device)[None, :]
        inside = step < length
        here = torch.where(inside, start + step, 0)
        batch = self._read(here, inside, step >= fields[FIRST_TARGET][:, None])
        if LAST_INTERVAL in fields:
            batch[DELTA_LIST].scatter_(1, length - 1, fields[LAST_INTERVAL][:, None])
        return {**batch, LENGTH: fields[LENGTH]}

    def packed(self, fields: Fields, tokens: int, longest: int) -> Fields:
        """Cut a batch without padding, of a fixed size that a CUDA graph can replay.

        What the rows do not fill is empty history in rows of at most `longest`.

        Args:
            fields: From `row_fields`, on the cutter's device.
            tokens: T, at least the rows' inputs together.
            longest: Most inputs of a row.

        Returns:
            Inputs, intervals and targets, (T,), and offsets; the first R rows are the batch's.
        """
        length = fields[LENGTH]
        rows, spare = len(length), -(-tokens // longest)
        left = tokens - length.sum() - longest * torch.arange(spare, device=length.device)
        ends = torch.cat([length, left.clamp(0, longest)]).cumsum(0)
        place = torch.arange(tokens, device=length.device)
        row = torch.searchsorted(ends, place, right=True)
        inside, row = row < rows, row.clamp(max=rows - 1)
        step = place - ends[row] + length[row]
        here = torch.where(inside, fields[START][row] + step, 0)
        batch = self._read(here, inside, step >= fields[FIRST_TARGET][row])
        if LAST_INTERVAL in fields:
            batch[DELTA_LIST].scatter_(0, ends[:rows] - 1, fields[LAST_INTERVAL])
        return {**batch, LENGTH: length, CU_SEQLENS: torch.cat([ends.new_zeros(1), ends])}

    def _read(self, here: Tensor, inside: Tensor, learned: Tensor) -> Fields:
        # A complete history ends where the arrays end: what follows it is never used.
        after = torch.where(inside, here + 1, 0).clamp(max=len(self.items) - 1)
        return {
            ITEM_LIST: torch.where(inside, self.items[here], 0).long(),
            DELTA_LIST: torch.where(inside, self.deltas[after], 0).float(),
            TARGET_LIST: torch.where(inside & learned, self.items[after], 0).long(),
            **{name: torch.where(inside, x[here], 0) for name, x in self.features.items()},
        }


def to_device(fields: Fields, device: torch.device | str) -> Fields:
    """Move tensors without waiting for them."""
    if torch.device(device).type == "cuda":
        return {
            k: (x if x.is_cuda or x.is_pinned() else x.pin_memory()).to(device, non_blocking=True)
            for k, x in fields.items()
        }
    return {k: x.to(device) for k, x in fields.items()}

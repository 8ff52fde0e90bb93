"""Histories of different lengths one after the other, without padding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where histories lie in flat arrays.

    Attributes:
        cu_seqlens: Where each history begins, and the end of the last: 0, l_1, l_1 + l_2, …, T;
            int64, (B + 1,). A history may be empty.
        max_seqlen: Length of the longest history, or a bound on it.
    """

    cu_seqlens: Tensor
    max_seqlen: int

    @classmethod
    def of_lengths(cls, lengths: Tensor, max_seqlen: int) -> Packing:
        """Lay histories of the given lengths, (B,), one after the other."""
        zero = torch.zeros(1, dtype=torch.long, device=lengths.device)
        return cls(torch.cat([zero, lengths.cumsum(0)]), max_seqlen)

    @classmethod
    def of_batch(cls, x: Tensor) -> Packing:
        """See a dense batch, (B, L, ...), as packed: rows of L, nothing between them."""
        rows, length = x.shape[:2]
        ends = torch.arange(0, rows * length + 1, length, device=x.device)
        return cls(ends, length)

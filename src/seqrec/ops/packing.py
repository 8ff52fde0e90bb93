"""Histories of different lengths one after the other, without padding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where histories lie in flat arrays.

    Attributes:
        offsets: Where each history begins, and the end: 0, l_1, l_1 + l_2, …, int64, (B + 1,).
        longest: Length of the longest history, or a bound on it.
    """

    offsets: Tensor
    longest: int

    @classmethod
    def of_lengths(cls, lengths: Tensor, longest: int) -> Packing:
        """Lay histories of the given lengths, (B,), one after the other."""
        zero = torch.zeros(1, dtype=torch.long, device=lengths.device)
        return cls(torch.cat([zero, lengths.cumsum(0)]), longest)

    @classmethod
    def of_batch(cls, x: Tensor) -> Packing:
        """See a dense batch, (B, L, ...), as packed: rows of L, nothing between them."""
        rows, length = x.shape[:2]
        ends = torch.arange(0, rows * length + 1, length, device=x.device)
        return cls(ends, length)

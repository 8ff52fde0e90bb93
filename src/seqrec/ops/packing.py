"""Histories of different lengths one after the other, without padding."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where histories lie in packed arrays, (T, ...).

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

    def histories(self, state: Tensor | None = None) -> list[tuple[slice, Tensor | None]]:
        """List the histories.

        Args:
            state: Initial state of each history, (B, ...).

        Returns:
            Where each history lies in packed arrays, and its own initial state, (1, ...).
        """
        places = [slice(*ends) for ends in itertools.pairwise(self.cu_seqlens.tolist())]
        return [
            (place, None if state is None else state[b : b + 1]) for b, place in enumerate(places)
        ]

    def to_dense(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """Turn packed events into rows padded on the right.

        Args:
            x: One entry for each event, (T, ...).
            fill: Value of the padding.

        Returns:
            A dense batch, (B, max_seqlen, ...).
        """
        inside = self._inside()
        dense = x.new_full((*inside.shape, *x.shape[1:]), fill)
        dense[inside] = x
        return dense

    def to_packed(self, x: Tensor) -> Tensor:
        """Leave the padding of a dense batch, (B, max_seqlen, ...), out: (T, ...)."""
        return x[self._inside()]

    def _inside(self) -> Tensor:
        """Return which places of a dense batch hold an event, (B, max_seqlen)."""
        place = torch.arange(self.max_seqlen, device=self.cu_seqlens.device)
        return place < self.cu_seqlens.diff()[:, None]


def join(histories: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Pack what an op returned for each history alone.

    Args:
        histories: Output, (1, l, ...), and last state, (1, ...), of each.

    Returns:
        Outputs, (T, ...), and last states, (B, ...).
    """
    outputs, lasts = zip(*histories, strict=True)
    return torch.cat(outputs, dim=1)[0], torch.cat(lasts)

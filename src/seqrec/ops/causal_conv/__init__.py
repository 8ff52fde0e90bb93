"""Mamba's short depthwise convolution over the past, with SiLU."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from seqrec.ops.packing import Packing


class CausalConv(Protocol):
    """What every implementation of the op computes."""

    def __call__(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        state: Tensor | None = None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Compute y_k = silu(bias + Σ_j weight_j x_(k−W+1+j)) in each channel.

        Args:
            x:       Input,                                           (B, L, E), packed (T, E).
            weight:  W taps per channel, oldest first,                (E, W).
            bias:    Per channel,                                     (E,).
            state:   The W − 1 inputs before the first, zero if None, (B, W − 1, E).
            packing: Where histories lie in packed input; None for dense input. Packed histories
                start from zero.

        Returns:
            y:    Output,                                             (B, L, E), packed (T, E).
            last: The last W − 1 inputs,                              (B, W − 1, E), packed None.

        Raises:
            ValueError: A state is given for packed input.

        Paper: Mamba (arXiv 2312.00752), figure 3.
        """
        ...


def refuse_state(state: Tensor | None) -> None:
    """Raise a ValueError if packed histories are to start from a state."""
    if state is not None:
        raise ValueError("causal_conv starts packed histories from zero: state must be None")

"""LayerNorm of a residual: what stands between the halves of a block."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class ResidualNorm(Protocol):
    """What every implementation of the op computes."""

    def __call__(
        self, mixed: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float, dropout: float
    ) -> Tensor:
        """Compute LN(drop(mixed) + x).

        Args:
            mixed:   Output of a layer,              (..., D).
            x:       Its input,                      (..., D).
            weight:  Scale of the LayerNorm,         (D,).
            bias:    Shift of the LayerNorm,         (D,).
            eps:     Added to the variance.
            dropout: Probability of dropping a value of `mixed`; 0 outside training. Which values
                are dropped differs between implementations.

        Returns:
            Normalised sum, (..., D).

        Paper: SS4Rec (arXiv 2502.08132), hybrid SSM layer.
        """
        ...

"""S5's recurrence: zero-order hold and a diagonal complex scan with an interval per step."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from seqrec.ops.packing import Packing


class ZohScan(Protocol):
    """What every implementation of the op computes."""

    def __call__(
        self,
        drive: Tensor,
        interval: Tensor,
        lambda_re: Tensor,
        lambda_im: Tensor,
        step: Tensor,
        state: Tensor | None = None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run x_k = Λ̄_k x_(k−1) + Λ⁻¹(Λ̄_k − 1) v_k with Λ̄_k = exp(Λ Δ_k s).

        Complex numbers are pairs of reals, real halves first.

        Args:
            drive:     v = B̃u, the projected input,                   (B, L, 2P), packed (T, 2P).
            interval:  Δ ≥ 0, seconds (scaled) an input is held,      (B, L), packed (T,).
            lambda_re: Re Λ, below 0,                                 (P,).
            lambda_im: Im Λ,                                          (P,).
            step:      s > 0, learned scale of time,                  (P,).
            state:     x before the first step, zero if None,         (B, 2P).
            packing:   Where histories lie in packed input; None for dense input.

        Returns:
            states: x_1 … x_L,                                        (B, L, 2P), packed (T, 2P).
            last:   x_L of each history, `state` if it is empty,      (B, 2P).

        Paper: S5 (arXiv 2208.04933), eq. 2 and 6, factored (docs/concepts/kernels.md).
        """
        ...

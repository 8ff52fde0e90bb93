"""Mamba's recurrence: a scan whose step, input and output matrices follow the input."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from seqrec.ops.packing import Packing

NO_STEP = -1e4
"""dt of padding: its softplus is exactly 0, so the state stays as it is."""


class SelectiveScan(Protocol):
    """What every implementation of the op computes."""

    def __call__(
        self,
        u: Tensor,
        dt: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor,
        z: Tensor,
        state: Tensor | None = None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run h_k = exp(s_k A) h_(k−1) + s_k B_k u_k and return y_k = (C_k h_k + D u_k) silu(z_k).

        The step is s = softplus(dt).

        Args:
            u:       Input,                                           (B, L, E), packed (T, E).
            dt:      Step before softplus,                            (B, L, E), packed (T, E).
            A:       Diagonal of the state matrix, below 0,           (E, N).
            B:       Input matrix of each step,                       (B, L, N), packed (T, N).
            C:       Output matrix of each step,                      (B, L, N), packed (T, N).
            D:       Skip connection,                                 (E,).
            z:       Gate before SiLU,                                (B, L, E), packed (T, E).
            state:   h before the first step, zero if None,           (B, E, N).
            packing: Where histories lie in packed input; None for dense input.

        Returns:
            y:    Output,                                             (B, L, E), packed (T, E).
            last: h_L of each history, `state` if it is empty,        (B, E, N).

        Paper: Mamba (arXiv 2312.00752), eq. 2 and algorithm 2; B̄ = s·B as in the authors' kernel.
        """
        ...

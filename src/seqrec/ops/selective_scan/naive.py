"""The law: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
from torch import Tensor


def selective_scan_naive(
    u: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run h_k = exp(dt_k A) h_(k−1) + dt_k B_k u_k and read y_k = C_k h_k.

    Args:
        u:     Input,                        (B, L, E).
        dt:    Positive step,                (B, L, E).
        A:     Negative diagonal,            (E, N).
        B:     Input matrix per step,        (B, L, N).
        C:     Output matrix per step,       (B, L, N).
        state: h before the first step,      (B, E, N); zero if None.

    Returns:
        y:    Output,         (B, L, E).
        last: h_L,            (B, E, N).

    Paper: Mamba (arXiv 2312.00752), eq. 2 and 4; B̄ = dt·B as in the authors' kernel.
    """
    h = u.new_zeros(u.shape[0], *A.shape) if state is None else state
    outputs = []
    for k in range(u.shape[1]):
        decay = torch.exp(dt[:, k, :, None] * A)
        h = decay * h + (dt[:, k] * u[:, k])[..., None] * B[:, k, None, :]
        outputs.append((h * C[:, k, None, :]).sum(-1))
    return torch.stack(outputs, dim=1), h

"""The law: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def selective_scan(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run h_k = exp(s_k A) h_(k−1) + s_k B_k u_k with s = softplus(dt); y = (C h + D u) silu(z).

    Args:
        u:     Input,                              (B, L, E).
        dt:    Step before softplus,               (B, L, E).
        A:     Negative diagonal,                  (E, N).
        B:     Input matrix per step,              (B, L, N).
        C:     Output matrix per step,             (B, L, N).
        D:     Skip connection,                    (E,).
        z:     Gate,                               (B, L, E).
        state: h before the first step,            (B, E, N); zero if None.

    Returns:
        y:    Output,         (B, L, E).
        last: h_L,            (B, E, N).

    Paper: Mamba (arXiv 2312.00752), eq. 2 and algorithm 2; B̄ = s·B as in the authors' kernel.
    """
    s = F.softplus(dt)
    h = u.new_zeros(u.shape[0], *A.shape) if state is None else state
    outputs = []
    for k in range(u.shape[1]):
        decay = torch.exp(s[:, k, :, None] * A)
        h = decay * h + (s[:, k] * u[:, k])[..., None] * B[:, k, None, :]
        outputs.append((h * C[:, k, None, :]).sum(-1))
    return (torch.stack(outputs, dim=1) + D * u) * F.silu(z), h

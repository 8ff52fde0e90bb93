"""The law: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_scan_naive(
    decay: Tensor, drive: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run x_k = decay_k · x_(k−1) + drive_k.

    Args:
        decay: Per step, complex or real, (B, L, P).
        drive: Per step,                  (B, L, P).
        state: x before the first step,   (B, P); zero if None.

    Returns:
        states: x_1 … x_L,     (B, L, P).
        last:   x_L,           (B, P).

    Paper: S5 (arXiv 2208.04933), eq. 2.
    """
    x = torch.zeros_like(drive[:, 0]) if state is None else state
    states = []
    for k in range(drive.shape[1]):
        x = decay[:, k] * x + drive[:, k]
        states.append(x)
    return torch.stack(states, dim=1), x

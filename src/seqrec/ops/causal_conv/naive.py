"""The law: a sum of shifted inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def causal_conv(
    x: Tensor, weight: Tensor, bias: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Compute silu(bias + Σ_j weight_j x_(k−W+1+j)) per channel.

    Args:
        x:      Input,                              (B, L, E).
        weight: W taps per channel, oldest first,   (E, W).
        bias:   Per channel,                        (E,).
        state:  The W − 1 inputs before the first,  (B, W − 1, E); zero if None.

    Returns:
        y:    Output,                       (B, L, E).
        last: The last W − 1 inputs,        (B, W − 1, E).

    Paper: Mamba (arXiv 2312.00752), figure 3.
    """
    length, width = x.shape[1], weight.shape[1]
    past = with_past(x, width, state)
    taps = [past[:, j : j + length] * weight[:, j] for j in range(width)]
    return F.silu(sum(taps, start=torch.zeros_like(x)) + bias), past[:, length:]


def with_past(x: Tensor, width: int, state: Tensor | None) -> Tensor:
    """Put the W − 1 earlier inputs before x, (B, W − 1 + L, E)."""
    past = x.new_zeros(x.shape[0], width - 1, x.shape[2]) if state is None else state
    return torch.cat([past, x], dim=1)

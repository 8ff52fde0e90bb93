"""Reference implementation: torch's dropout and LayerNorm."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def residual_norm(
    mixed: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float, dropout: float
) -> Tensor:
    """Normalise a residual as `ResidualNorm` says."""
    summed = F.dropout(mixed, dropout) + x if dropout else mixed + x
    return F.layer_norm(summed, weight.shape, weight, bias, eps)

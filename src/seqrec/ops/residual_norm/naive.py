"""The law: torch's dropout and LayerNorm."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def residual_norm(
    mixed: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float, dropout: float
) -> Tensor:
    """Compute LN(drop(mixed) + x).

    Args:
        mixed:   Output of a layer,              (..., D).
        x:       Its input,                      (..., D).
        weight:  Scale of the LayerNorm,         (D,).
        bias:    Shift of the LayerNorm,         (D,).
        eps:     Added to the variance.
        dropout: Probability of dropping a value of `mixed`; 0 outside training.

    Returns:
        Normalised sum, (..., D).
    """
    summed = F.dropout(mixed, dropout) + x if dropout else mixed + x
    return F.layer_norm(summed, weight.shape, weight, bias, eps)

"""The law: logits, then torch's cross-entropy."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

NO_TARGET = 0
"""Target of a position that is not learned: the id of padding."""


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean over learned positions of −log softmax(hidden · itemsᵀ)[target].

    Args:
        hidden:  Hidden states,                        (T, D).
        items:   Item embeddings,                      (V, D).
        targets: Item to predict, 0 for none,          (T,).

    Returns:
        Scalar; 0 if no position is learned.
    """
    total = F.cross_entropy(hidden @ items.T, targets, ignore_index=NO_TARGET, reduction="sum")
    return total / (targets != NO_TARGET).sum().clamp(min=1)

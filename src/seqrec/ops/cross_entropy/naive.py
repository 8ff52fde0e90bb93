"""The law: logits, then torch's cross-entropy."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean over positions of −log softmax(hidden · itemsᵀ)[target].

    Args:
        hidden:  Hidden states,        (T, D).
        items:   Item embeddings,      (V, D).
        targets: Item to predict,      (T,).

    Returns:
        Scalar.
    """
    return F.cross_entropy(hidden @ items.T, targets)

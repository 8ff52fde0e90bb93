"""Reference implementation: logits, then torch's cross-entropy."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.cross_entropy import NO_TARGET


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss of `CrossEntropy`."""
    total = F.cross_entropy(hidden @ items.T, targets, ignore_index=NO_TARGET, reduction="sum")
    return total / (targets != NO_TARGET).sum().clamp(min=1)

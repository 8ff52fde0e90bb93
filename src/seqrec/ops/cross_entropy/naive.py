"""Reference implementation: logits, then torch's cross-entropy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.seen import Seen


def cross_entropy(
    hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None = None
) -> Tensor:
    """Compute the loss of `CrossEntropy`."""
    logits = hidden @ items.T
    if seen is not None:
        logits = logits.masked_fill(_left_out(seen, targets, logits), -torch.inf)
    total = F.cross_entropy(logits, targets, ignore_index=NO_TARGET, reduction="sum")
    return total / (targets != NO_TARGET).sum().clamp(min=1)


def _left_out(seen: Seen, targets: Tensor, logits: Tensor) -> Tensor:
    """Return which items each position has seen, its target excepted, (T, V)."""
    mask = torch.zeros_like(logits, dtype=torch.bool)
    for t, target in enumerate(targets):
        so_far = (seen.owners == seen.rows[t]) & (seen.since <= seen.steps[t])
        mask[t, seen.items[so_far]] = True
        mask[t, target] = False
    mask[:, NO_TARGET] = False
    return mask

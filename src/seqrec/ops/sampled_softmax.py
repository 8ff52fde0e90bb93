"""Cross-entropy against sampled items instead of all, for catalogues too big to score."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqrec.ops.cross_entropy import NO_TARGET


def sampled_cross_entropy(
    hidden: Tensor, items: Tensor, targets: Tensor, negatives: Tensor, log_q: Tensor
) -> Tensor:
    """Compute softmax cross-entropy over the target and sampled items, corrected by log Q.

    An item drawn often would be pushed down often: its score is lowered by the logarithm of how
    often it is expected among the draws, so that their sum estimates that over all other items.
    The target is always there and is not corrected; drawn again, it does not count. With more
    draws the loss tends to that of the full softmax.

    Args:
        hidden:    Hidden states,                           (T, D).
        items:     Item embeddings,                         (V, D).
        targets:   Item to predict, 0 for none,             (T,).
        negatives: Items drawn, the same for all positions, (S,).
        log_q:     Log-probability of drawing each item,    (V,).

    Returns:
        Mean over learned positions, scalar.

    Paper: Bengio and Senécal (2008), importance sampling of the softmax's normaliser.
    """
    positive = (hidden * items[targets]).sum(-1)
    expected = log_q[negatives] + math.log(len(negatives))
    negative = hidden @ items[negatives].T - expected
    negative = negative.masked_fill(negatives == targets[:, None], -torch.inf)
    losses = torch.logaddexp(positive, negative.logsumexp(1)) - positive
    learned = targets != NO_TARGET
    return torch.where(learned, losses, 0.0).sum() / learned.sum().clamp(min=1)

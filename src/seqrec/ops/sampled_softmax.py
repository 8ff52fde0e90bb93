"""Cross-entropy against sampled items instead of all, for catalogues too big to score."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.seen import Seen


def sampled_cross_entropy(
    hidden: Tensor,
    items: Tensor,
    targets: Tensor,
    negatives: Tensor,
    log_q: Tensor,
    seen: Seen | None = None,
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
        seen: The histories of the positions: items of its own so far do not count at a position.

    Returns:
        Mean over learned positions, scalar.

    Paper: Bengio and Senécal (2008), importance sampling of the softmax's normaliser.
    """
    vectors = items[targets], items[negatives]
    return sampled_cross_entropy_of(hidden, *vectors, targets, negatives, log_q, seen)


def sampled_cross_entropy_of(
    hidden: Tensor,
    wanted: Tensor,
    drawn: Tensor,
    targets: Tensor,
    negatives: Tensor,
    log_q: Tensor,
    seen: Seen | None = None,
) -> Tensor:
    """Compute the loss of `sampled_cross_entropy` from the vectors that were looked up.

    Args:
        hidden:    Hidden states,                           (T, D).
        wanted:    Embedding of each target,                (T, D).
        drawn:     Embedding of each item drawn,            (S, D).
        targets:   Item to predict, 0 for none,             (T,).
        negatives: Items drawn, the same for all positions, (S,).
        log_q:     Log-probability of drawing each item,    (V,).
        seen: The histories of the positions: items of its own so far do not count at a position.
    """
    positive = (hidden * wanted).sum(-1)
    expected = log_q[negatives] + math.log(len(negatives))
    negative = hidden @ drawn.T - expected
    left_out = negatives == targets[:, None]
    if seen is not None:
        left_out = left_out | seen.table(len(log_q)).of(negatives)
    # Finite: where all draws are left out, the gradient of −inf would be no number.
    negative = negative.masked_fill(left_out, torch.finfo(negative.dtype).min)
    losses = torch.logaddexp(positive, negative.logsumexp(1)) - positive
    learned = targets != NO_TARGET
    return torch.where(learned, losses, 0.0).sum() / learned.sum().clamp(min=1)

"""Bounded memory: logits live for a chunk of positions, and become gradients there.

The gradient of a softmax cross-entropy is known with its value, up to the factor that arrives in
backward: both products with the items are done while a chunk's logits are at hand, so the matrix
of logits, 8.7 GB for 25,600 positions and 85,000 items, never exists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrec.ops.autocast import as_autocast
from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.seen import Seen, SeenTable

CHUNK = 2**27
"""Logits at a time: 512 MiB in float32."""

SoftmaxInPlace = Callable[[Tensor, Tensor, Tensor, SeenTable | None], Tensor]
"""Replaces logits (T, V) by (softmax − one-hot) · scale; returns losses, (T,); 0 for no target.

What positions have seen is left out of the softmax.
"""


def _softmax_in_place(
    logits: Tensor, targets: Tensor, scale: Tensor, seen: SeenTable | None
) -> Tensor:
    if seen is not None:
        logits.masked_fill_(seen.left_out(targets, logits.shape[1]), -torch.inf)
    top = logits.logsumexp(1)
    learned = targets != NO_TARGET
    losses: Tensor = (top - logits.gather(1, targets[:, None])[:, 0]) * learned
    logits.sub_(top[:, None]).exp_()
    logits.scatter_add_(1, targets[:, None], logits.new_full((len(targets), 1), -1.0))
    logits.mul_((learned * scale)[:, None])
    return losses


class KnownGradient(torch.autograd.Function):
    """Backward of a loss whose gradients are found with its value, up to a factor."""

    @staticmethod
    @once_differentiable  # type: ignore[misc,untyped-decorator,unused-ignore]
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the saved gradients of `hidden` and `items` by the one that arrives."""
        d_hidden, d_items = ctx.saved_tensors
        to_hidden, to_items = ctx.dtypes
        others = len(ctx.needs_input_grad) - 2
        return (
            (gradients[0] * d_hidden).to(to_hidden),
            None if d_items is None else (gradients[0] * d_items).to(to_items),
            *(None,) * others,
        )


class _CrossEntropy(KnownGradient):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        hidden, items, targets, softmax_in_place, chunk, seen = inputs
        hidden, items = as_autocast(hidden, items)
        exact = torch.promote_types(hidden.dtype, torch.float32)
        scale = 1 / (targets != NO_TARGET).sum().clamp(min=1).to(exact)
        learns = any(ctx.needs_input_grad[:2])
        d_hidden = torch.empty_like(hidden)
        d_items = None
        total = scale.new_zeros(())
        rows = max(1, chunk // len(items))
        for first in range(0, len(hidden), rows):
            here = slice(first, first + rows)
            d_logits = hidden[here] @ items.T
            table = None if seen is None else seen[here]
            total += softmax_in_place(d_logits, targets[here], scale, table).sum()
            if learns:
                torch.mm(d_logits, items, out=d_hidden[here])
                part = d_logits.T @ hidden[here]
                d_items = part.to(exact) if d_items is None else d_items.add_(part)
        ctx.save_for_backward(d_hidden, d_items)
        ctx.dtypes = inputs[0].dtype, inputs[1].dtype
        loss: Tensor = total * scale
        return loss


def cross_entropy(
    hidden: Tensor,
    items: Tensor,
    targets: Tensor,
    seen: Seen | None = None,
    softmax_in_place: SoftmaxInPlace = _softmax_in_place,
    chunk: int = CHUNK,
) -> Tensor:
    """Compute the loss of `CrossEntropy` chunk by chunk.

    Args:
        hidden:  Hidden states,                        (T, D).
        items:   Item embeddings,                      (V, D).
        targets: Item to predict, 0 for none,          (T,).
        seen:    What positions leave out; None for nothing.
        softmax_in_place: What turns a chunk of logits into losses and gradients.
        chunk: Most logits at a time.
    """
    table = None if seen is None else seen.table(len(items))
    loss: Tensor = _CrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, items, targets, softmax_in_place, chunk, table
    )
    return loss

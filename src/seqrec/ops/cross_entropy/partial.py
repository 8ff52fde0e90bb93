"""What some of the items contribute to a softmax over all: for items that several devices share.

Logits live for a chunk of positions, forward and again backward: only one number a position is
kept for each of the two results.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqrec.ops.autocast import as_autocast
from seqrec.ops.cross_entropy.torch import CHUNK
from seqrec.ops.seen import SeenTable

ELSEWHERE = -1
"""Target of a position whose item is not among these."""


class _PartialSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        hidden, items, targets, seen, chunk = inputs
        ctx.kinds = hidden.dtype, items.dtype
        hidden, items = as_autocast(hidden, items)
        exact = torch.promote_types(hidden.dtype, torch.float32)
        total = hidden.new_empty(len(hidden), dtype=exact)
        wanted = torch.zeros_like(total)
        for here in _chunks(len(hidden), len(items), chunk):
            logits = _logits(hidden, items, targets, seen, here)
            total[here] = logits.logsumexp(1)
            found = logits.gather(1, targets[here].clamp(min=0)[:, None])[:, 0]
            wanted[here] = torch.where(targets[here] == ELSEWHERE, 0.0, found)
        ctx.save_for_backward(hidden, items, targets, total)
        ctx.seen, ctx.chunk = seen, chunk
        return total, wanted

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, items, targets, total = ctx.saved_tensors
        d_total, d_wanted = gradients
        d_hidden = torch.empty_like(hidden)
        d_items = torch.zeros_like(items, dtype=total.dtype)
        # Where every item is left out the sum is 0 and its logarithm no number to subtract.
        total = torch.where(total.isinf(), 0.0, total)
        for here in _chunks(len(hidden), len(items), ctx.chunk):
            logits = _logits(hidden, items, targets, ctx.seen, here)
            d_logits = logits.sub_(total[here, None]).exp_().mul_(d_total[here, None])
            inside = torch.where(targets[here] == ELSEWHERE, 0.0, d_wanted[here])
            d_logits.scatter_add_(1, targets[here].clamp(min=0)[:, None], inside[:, None])
            d_logits = d_logits.to(hidden.dtype)
            torch.mm(d_logits, items, out=d_hidden[here])
            d_items += d_logits.T @ hidden[here]
        of_hidden, of_items = ctx.kinds
        return d_hidden.to(of_hidden), d_items.to(of_items), None, None, None


def _chunks(positions: int, items: int, chunk: int) -> list[slice]:
    rows = max(1, chunk // max(items, 1))
    return [slice(first, first + rows) for first in range(0, positions, rows)]


def _logits(
    hidden: Tensor, items: Tensor, targets: Tensor, seen: SeenTable | None, here: slice
) -> Tensor:
    """Return a chunk's logits, at least float32, −inf where an item is left out."""
    logits = hidden[here] @ items.T
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if seen is None:
        return logits
    table = seen[here]
    left_out = table.first[table.rows, : len(items)] <= table.steps[:, None]
    kept = left_out.gather(1, targets[here].clamp(min=0)[:, None])
    kept &= (targets[here] == ELSEWHERE)[:, None]
    left_out.scatter_(1, targets[here].clamp(min=0)[:, None], kept)
    return logits.masked_fill_(left_out, -torch.inf)


def partial_softmax(
    hidden: Tensor,
    items: Tensor,
    targets: Tensor,
    seen: SeenTable | None = None,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """Compute what a softmax over all items needs to know of these.

    The loss of `CrossEntropy` at a position is logsumexp over the devices' `total`, minus the sum
    of their `wanted`.

    Args:
        hidden:  Hidden states,                                              (T, D).
        items:   Embeddings of these items,                                  (V, D).
        targets: Row of the item to predict, `ELSEWHERE` if it is not here,  (T,).
        seen:    What positions leave out, a column for each of these items; None for nothing.
        chunk: Most logits at a time.

    Returns:
        total:  log Σ exp(logits) over these items,                          (T,).
        wanted: The target's logit, 0 if it is not here,                     (T,).
    """
    compute: Any = _PartialSoftmax.apply
    total, wanted = compute(hidden, items, targets, seen, chunk)
    return total, wanted

"""The same with softmax and gradient written over the logits: one matrix of them, not four."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 4096


@triton.jit
def _softmax_in_place(logits, targets, losses, V, scale, BV: tl.constexpr):
    """Replace a row of logits by (softmax − one-hot) · scale, and keep its loss."""
    row = tl.program_id(0).to(tl.int64)
    start = logits + row * V
    column = tl.arange(0, BV)
    top, total = -float("inf"), 0.0
    for first in range(0, V, BV):
        x = tl.load(start + first + column, mask=first + column < V, other=-float("inf"))
        higher = tl.maximum(top, tl.max(x, axis=0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher), axis=0)
        top = higher
    target = tl.load(targets + row)
    tl.store(losses + row, top + tl.log(total) - tl.load(start + target))
    for first in range(0, V, BV):
        inside = first + column < V
        x = tl.load(start + first + column, mask=inside, other=-float("inf"))
        gradient = tl.exp(x - top) / total - tl.where(first + column == target, 1.0, 0.0)
        tl.store(start + first + column, gradient * scale, mask=inside)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
        logits = (hidden @ items.T).float()
        rows, V = logits.shape
        losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
        block = min(BLOCK, triton.next_power_of_2(V))
        _softmax_in_place[(rows,)](
            logits, targets, losses, V, 1 / max(rows, 1), BV=block, num_warps=8
        )
        ctx.save_for_backward(hidden, items, logits)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, items, d_logits = ctx.saved_tensors
        d_logits = d_logits.to(hidden.dtype)
        return gradients[0] * (d_logits @ items), gradients[0] * (d_logits.T @ hidden), None


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss; the function of `seqrec.ops.cross_entropy.naive.cross_entropy`."""
    loss: Tensor = _CrossEntropy.apply(hidden, items, targets)
    return loss

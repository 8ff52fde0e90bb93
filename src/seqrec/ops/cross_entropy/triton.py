"""The loss on a GPU: fused where products may be rounded, else chunked in full float32.

The chunked one keeps cuBLAS's float32 products, which the tensor cores do not have; here softmax,
loss and gradient of a chunk are one kernel.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.cross_entropy import torch as chunked
from seqrec.ops.cross_entropy import triton_fused

BLOCK = 4096


@triton.jit
def _softmax_in_place(logits, targets, losses, V, scale, BV: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    start = logits + row * V
    column = tl.arange(0, BV)
    target = tl.load(targets + row)
    factor = tl.where(target == 0, 0.0, tl.load(scale))
    top, total = -float("inf"), 0.0
    for first in range(0, V, BV):
        x = tl.load(start + first + column, mask=first + column < V, other=-float("inf"))
        x = x.to(tl.float32)
        higher = tl.maximum(top, tl.max(x, axis=0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher), axis=0)
        top = higher
    loss = top + tl.log(total) - tl.load(start + target).to(tl.float32)
    tl.store(losses + row, tl.where(target == 0, 0.0, loss))
    for first in range(0, V, BV):
        inside = first + column < V
        x = tl.load(start + first + column, mask=inside, other=-float("inf")).to(tl.float32)
        gradient = tl.exp(x - top) / total - tl.where(first + column == target, 1.0, 0.0)
        tl.store(start + first + column, gradient * factor, mask=inside)


def _softmax(logits: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
    rows, V = logits.shape
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    block = min(BLOCK, triton.next_power_of_2(V))
    _softmax_in_place[(rows,)](logits, targets, losses, V, scale, BV=block, num_warps=8)
    return losses


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss of `CrossEntropy`."""
    if triton_fused.serves(hidden):
        return triton_fused.cross_entropy(hidden, items, targets)
    return chunked.cross_entropy(hidden, items, targets, _softmax)

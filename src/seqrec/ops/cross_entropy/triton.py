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
from seqrec.ops.cross_entropy.triton_fused import LEFT_OUT, operands
from seqrec.ops.seen import Seen, SeenTable

BLOCK = 4096


@triton.jit
def _logits(start, place, V, target, own, step, SEEN: tl.constexpr):
    """Logits of a position in float32; those of seen items are too low to count."""
    inside = place < V
    x = tl.load(start + place, mask=inside, other=-float("inf")).to(tl.float32)
    if SEEN:
        since = tl.load(own + place, mask=inside, other=0)
        x = tl.where(inside & (since <= step) & (place != target), LEFT_OUT, x)
    return x


@triton.jit
def _softmax_in_place(
    logits,
    targets,
    losses,
    V,
    scale,
    table,
    rows,
    steps,
    W,
    SEEN: tl.constexpr,
    BV: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    start = logits + row * V
    column = tl.arange(0, BV)
    target = tl.load(targets + row)
    factor = tl.where(target == 0, 0.0, tl.load(scale))
    own, step = table, 0
    if SEEN:
        own += tl.load(rows + row).to(tl.int64) * W
        step = tl.load(steps + row)
    top, total = -float("inf"), 0.0
    for first in range(0, V, BV):
        x = _logits(start, first + column, V, target, own, step, SEEN)
        higher = tl.maximum(top, tl.max(x, axis=0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher), axis=0)
        top = higher
    loss = top + tl.log(total) - tl.load(start + target).to(tl.float32)
    tl.store(losses + row, tl.where(target == 0, 0.0, loss))
    for first in range(0, V, BV):
        x = _logits(start, first + column, V, target, own, step, SEEN)
        gradient = tl.exp(x - top) / total - tl.where(first + column == target, 1.0, 0.0)
        tl.store(start + first + column, gradient * factor, mask=first + column < V)


def _softmax(logits: Tensor, targets: Tensor, scale: Tensor, seen: SeenTable | None) -> Tensor:
    rows, V = logits.shape
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    block = min(BLOCK, triton.next_power_of_2(V))
    given = logits, targets, losses, V, scale
    _softmax_in_place[(rows,)](*given, *operands(seen, targets), BV=block, num_warps=8)
    return losses


def cross_entropy(
    hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None = None
) -> Tensor:
    """Compute the loss of `CrossEntropy`."""
    if triton_fused.serves(hidden):
        return triton_fused.cross_entropy(hidden, items, targets, seen)
    return chunked.cross_entropy(hidden, items, targets, seen, _softmax)

"""The loss without logits: softmax, loss and both gradients, tile by tile on the tensor cores.

As in FlashAttention (arXiv 2205.14135, algorithm 1) with positions for queries and items for keys
and values: a program walks over the items and keeps the largest logit, the softmax's denominator
and the softmax-weighted mean of the items. That mean minus the target is the gradient of a
position; a second kernel walks over the positions for the gradient of the items.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.cross_entropy.torch import KnownGradient, as_autocast

WIDEST = 128
"""Hidden size whose tiles fit in shared memory."""
TENSOR_CORES = (8, 0)
"""Compute capability that has tf32 and bf16."""
TILE = 64
"""Positions and items of a tile."""
WARPS = 4
"""Warps of a tile."""
PROGRAMS = 400
"""Programs that keep a GPU busy."""
NOTHING = tl.constexpr(NO_TARGET)


@triton.jit
def _block(matrix, row, rows, D: tl.constexpr, BD: tl.constexpr):
    """Rows of a matrix, (B, BD), zero outside it; where they lie, and which cells it has."""
    column = tl.arange(0, BD)
    place = row[:, None].to(tl.int64) * D + column[None, :]
    inside = (row < rows)[:, None] & (column < D)[None, :]
    return tl.load(matrix + place, inside, other=0.0), place, inside


@triton.jit
def _positions(
    hidden,
    items,
    targets,
    losses,
    normaliser,
    d_hidden,
    scale,
    T,
    V,
    D: tl.constexpr,
    BD: tl.constexpr,
    B: tl.constexpr,
):
    t = tl.program_id(0) * B + tl.arange(0, B)
    h, place, inside = _block(hidden, t, T, D, BD)
    target = tl.load(targets + t, t < T, other=NOTHING)
    top, total = tl.full([B], -float("inf"), tl.float32), tl.zeros([B], tl.float32)
    mean, wanted_logit = tl.zeros([B, BD], tl.float32), tl.zeros([B], tl.float32)
    for first in range(0, V, B):
        v = first + tl.arange(0, B)
        w, _, _ = _block(items, v, V, D, BD)
        logits = tl.where((v < V)[None, :], tl.dot(h, tl.trans(w)), -float("inf"))
        higher = tl.maximum(top, tl.max(logits, axis=1))
        wanted_logit += tl.sum(tl.where(v[None, :] == target[:, None], logits, 0.0), axis=1)
        p, shrink = tl.exp(logits - higher[:, None]), tl.exp(top - higher)
        total = total * shrink + tl.sum(p, axis=1)
        mean = tl.dot(p.to(w.dtype), w, mean * shrink[:, None])
        top = higher
    log_total = top + tl.log(total)
    wanted, _, _ = _block(items, target, V, D, BD)
    factor = tl.where(target == NOTHING, 0.0, tl.load(scale))
    gradient = (mean / total[:, None] - wanted.to(tl.float32)) * factor[:, None]
    tl.store(losses + t, tl.where(target == NOTHING, 0.0, log_total - wanted_logit), t < T)
    tl.store(normaliser + t, log_total, t < T)
    tl.store(d_hidden + place, gradient, inside)


@triton.jit
def _items(
    hidden,
    items,
    targets,
    normaliser,
    d_items,
    scale,
    T,
    V,
    tiles,
    D: tl.constexpr,
    BD: tl.constexpr,
    B: tl.constexpr,
):
    v = tl.program_id(0) * B + tl.arange(0, B)
    w, place, inside = _block(items, v, V, D, BD)
    gradient = tl.zeros([B, BD], tl.float32)
    begin = tl.program_id(1) * tiles * B
    for first in range(begin, tl.minimum(begin + tiles * B, T), B):
        t = first + tl.arange(0, B)
        h, _, _ = _block(hidden, t, T, D, BD)
        target = tl.load(targets + t, t < T, other=NOTHING)
        log_total = tl.load(normaliser + t, t < T, other=0.0)
        p = tl.exp(tl.dot(w, tl.trans(h)) - log_total[None, :])
        p -= tl.where(v[:, None] == target[None, :], 1.0, 0.0)
        p = tl.where((target == NOTHING)[None, :], 0.0, p)
        gradient = tl.dot(p.to(h.dtype), h, gradient)
    part = d_items + tl.program_id(1).to(tl.int64) * V * D
    tl.store(part + place, gradient * tl.load(scale), inside)


class _CrossEntropy(KnownGradient):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        hidden, items, targets = inputs
        hidden, items = (x.contiguous() for x in as_autocast(hidden, items))
        T, D = hidden.shape
        V = len(items)
        scale = 1 / (targets != NO_TARGET).sum().clamp(min=1).float()
        losses, normaliser = (scale.new_empty(T) for _ in range(2))
        d_hidden = torch.empty_like(hidden)
        given = hidden, items, targets
        padded = max(16, triton.next_power_of_2(D))
        sizes = {"D": D, "BD": padded, "B": TILE, "num_warps": WARPS}
        rows = triton.cdiv(T, TILE)
        blocks = triton.cdiv(V, TILE)
        _positions[(rows,)](*given, losses, normaliser, d_hidden, scale, T, V, **sizes)
        d_items = None
        if any(ctx.needs_input_grad[:2]):
            tiles = triton.cdiv(rows, triton.cdiv(PROGRAMS, blocks))
            d_parts = scale.new_empty(triton.cdiv(rows, tiles), V, D)
            grid = blocks, len(d_parts)
            _items[grid](*given, normaliser, d_parts, scale, T, V, tiles, **sizes)
            d_items = d_parts.sum(0)
        ctx.save_for_backward(d_hidden, d_items)
        ctx.dtypes = inputs[0].dtype, inputs[1].dtype
        loss: Tensor = losses.sum() * scale
        return loss


def serves(hidden: Tensor) -> bool:
    """Return whether products may be rounded, and tiles of this width fit a GPU that can do it."""
    rounded = (
        hidden.dtype in (torch.bfloat16, torch.float16)
        or torch.is_autocast_enabled(hidden.device.type)
        or torch.get_float32_matmul_precision() != "highest"
    )
    capable = not hidden.is_cuda or torch.cuda.get_device_capability(hidden.device) >= TENSOR_CORES
    return rounded and capable and hidden.shape[1] <= WIDEST


def cross_entropy(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss of `CrossEntropy`.

    Products are rounded as the tensor cores do it: tf32 for float32 input, else the input's type.
    """
    loss: Tensor = _CrossEntropy.apply(hidden, items, targets)
    return loss

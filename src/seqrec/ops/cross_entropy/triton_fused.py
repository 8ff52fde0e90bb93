"""The loss without logits: softmax, loss and both gradients, tile by tile on the tensor cores.

As in FlashAttention (arXiv 2205.14135, algorithm 1) with positions for queries and items for keys
and values: a program walks over the items and keeps the largest logit, the softmax's denominator
and the softmax-weighted mean of the items. That mean minus the target is the gradient of a
position; a second kernel walks over the positions for the gradient of the items. Items that a
position has seen are left out tile by tile too, from a table of histories and items.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.autocast import as_autocast
from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.cross_entropy.torch import KnownGradient
from seqrec.ops.seen import ALIGN, Seen, SeenTable

WIDEST = 128
"""Hidden size whose tiles fit in shared memory."""
TENSOR_CORES = (8, 0)
"""Compute capability that has tf32 and bf16."""
TILE = ALIGN
"""Positions and items of a tile."""
WARPS = 4
"""Warps of a tile."""
STAGES_WITH_TABLE = 2
"""Tiles in flight where the table is read too: with the usual 3 a program takes all registers."""
PROGRAMS = 400
"""Programs that keep a GPU busy."""
NOTHING = tl.constexpr(NO_TARGET)
LEFT_OUT = tl.constexpr(-1e30)
"""Logit of what is left out: below any other, and finite, as −inf minus itself is no number."""


@triton.jit
def _block(matrix, row, rows, D: tl.constexpr, BD: tl.constexpr):
    """Rows of a matrix, (B, BD), zero outside it; where they lie, and which cells it has."""
    column = tl.arange(0, BD)
    place = row[:, None].to(tl.int64) * D + column[None, :]
    inside = (row < rows)[:, None] & (column < D)[None, :]
    return tl.load(matrix + place, inside, other=0.0), place, inside


@triton.jit
def _history(rows, steps, t, T, W):
    """Where the table has the histories of positions, and the positions' steps, (B,)."""
    row = tl.load(rows + t, t < T, other=0).to(tl.int64)
    return row * W, tl.load(steps + t, t < T, other=0)


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
    table,
    rows,
    steps,
    W,
    SEEN: tl.constexpr,
    D: tl.constexpr,
    BD: tl.constexpr,
    B: tl.constexpr,
):
    t = tl.program_id(0) * B + tl.arange(0, B)
    h, place, inside = _block(hidden, t, T, D, BD)
    target = tl.load(targets + t, t < T, other=NOTHING)
    top, total = tl.full([B], -float("inf"), tl.float32), tl.zeros([B], tl.float32)
    mean, wanted_logit = tl.zeros([B, BD], tl.float32), tl.zeros([B], tl.float32)
    if SEEN:
        own, step = _history(rows, steps, t, T, W)
    for first in range(0, V, B):
        v = first + tl.arange(0, B)
        w, _, _ = _block(items, v, V, D, BD)
        logits = tl.where((v < V)[None, :], tl.dot(h, tl.trans(w)), -float("inf"))
        if SEEN:
            seen = tl.load(table + own[:, None] + v[None, :]) <= step[:, None]
            logits = tl.where(seen & (v[None, :] != target[:, None]), LEFT_OUT, logits)
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
    table,
    rows,
    steps,
    W,
    SEEN: tl.constexpr,
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
        logits = tl.dot(w, tl.trans(h))
        if SEEN:
            own, step = _history(rows, steps, t, T, W)
            seen = tl.load(table + own[None, :] + v[:, None]) <= step[None, :]
            logits = tl.where(seen & (v[:, None] != target[None, :]), LEFT_OUT, logits)
        p = tl.exp(logits - log_total[None, :])
        p -= tl.where(v[:, None] == target[None, :], 1.0, 0.0)
        p = tl.where((target == NOTHING)[None, :], 0.0, p)
        gradient = tl.dot(p.to(h.dtype), h, gradient)
    part = d_items + tl.program_id(1).to(tl.int64) * V * D
    tl.store(part + place, gradient * tl.load(scale), inside)


class _CrossEntropy(KnownGradient):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        hidden, items, targets, seen = inputs
        hidden, items = (x.contiguous() for x in as_autocast(hidden, items))
        T, D = hidden.shape
        V = len(items)
        scale = 1 / (targets != NO_TARGET).sum().clamp(min=1).float()
        losses, normaliser = (scale.new_empty(T) for _ in range(2))
        d_hidden = torch.empty_like(hidden)
        given = hidden, items, targets
        padded = max(16, triton.next_power_of_2(D))
        sizes = {"D": D, "BD": padded, "B": TILE, "num_warps": WARPS}
        if seen is not None:
            sizes["num_stages"] = STAGES_WITH_TABLE
        history = operands(seen, targets)
        rows = triton.cdiv(T, TILE)
        blocks = triton.cdiv(V, TILE)
        found = losses, normaliser, d_hidden
        _positions[(rows,)](*given, *found, scale, T, V, *history, **sizes)
        d_items = None
        if any(ctx.needs_input_grad[:2]):
            tiles = triton.cdiv(rows, triton.cdiv(PROGRAMS, blocks))
            d_parts = scale.new_empty(triton.cdiv(rows, tiles), V, D)
            grid = blocks, len(d_parts)
            _items[grid](*given, normaliser, d_parts, scale, T, V, tiles, *history, **sizes)
            d_items = d_parts.sum(0)
        ctx.save_for_backward(d_hidden, d_items)
        ctx.dtypes = inputs[0].dtype, inputs[1].dtype
        loss: Tensor = losses.sum() * scale
        return loss


def operands(seen: SeenTable | None, unused: Tensor) -> tuple[Any, ...]:
    """Return what a kernel is told of histories: table, rows, steps, width, whether there are any.

    Args:
        seen: What positions have seen.
        unused: Any tensor, which stands where there is nothing to tell.
    """
    if seen is None:
        return unused, unused, unused, 0, False
    return seen.first, seen.rows, seen.steps, seen.first.shape[1], True


def serves(hidden: Tensor) -> bool:
    """Return whether products may be rounded, and tiles of this width fit a GPU that can do it."""
    rounded = (
        hidden.dtype in (torch.bfloat16, torch.float16)
        or torch.is_autocast_enabled(hidden.device.type)
        or torch.get_float32_matmul_precision() != "highest"
    )
    capable = not hidden.is_cuda or torch.cuda.get_device_capability(hidden.device) >= TENSOR_CORES
    return rounded and capable and hidden.shape[1] <= WIDEST


def cross_entropy(
    hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None = None
) -> Tensor:
    """Compute the loss of `CrossEntropy`.

    Products are rounded as the tensor cores do it: tf32 for float32 input, else the input's type.
    """
    table = None if seen is None else seen.table(len(items))
    loss: Tensor = _CrossEntropy.apply(hidden, items, targets, table)
    return loss

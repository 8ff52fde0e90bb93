"""The convolution and SiLU in one kernel each way, over packed histories."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.causal_conv import refuse_state
from seqrec.ops.causal_conv.naive import with_past
from seqrec.ops.packing import Packing

TIMES = 32
STRETCH = 64
CHANNELS = 64


@triton.jit
def _before_silu(x, weight, bias, t, e, start, end, x_row, ok_e, W: tl.constexpr):
    """Bias + Σ_j weight_j x_(t−W+1+j) for a block of times and channels."""
    total = tl.load(bias + e, mask=ok_e, other=0.0).to(tl.float32)[None, :]
    for j in tl.static_range(W):
        past = t - (W - 1) + j
        ok = ((past >= start) & (past < end))[:, None] & ok_e[None, :]
        tap = tl.load(weight + e * W + j, mask=ok_e, other=0.0).to(tl.float32)
        value = tl.load(x + past[:, None] * x_row + e[None, :], mask=ok, other=0.0)
        total += tap[None, :] * value.to(tl.float32)
    return total


@triton.jit
def _conv_forward(
    x,
    weight,
    bias,
    y,
    cu_seqlens,
    x_row,
    E,
    W: tl.constexpr,
    BT: tl.constexpr,
    BE: tl.constexpr,
):
    b = tl.program_id(0)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    t = start + tl.program_id(1) * BT + tl.arange(0, BT)
    e = tl.program_id(2) * BE + tl.arange(0, BE)
    ok_e = e < E
    total = _before_silu(x, weight, bias, t, e, start, end, x_row, ok_e, W)
    y_t = total / (1.0 + tl.exp(-total))
    tl.store(y + t[:, None] * E + e[None, :], y_t, mask=(t < end)[:, None] & ok_e[None, :])


@triton.jit
def _tap(weight, e, j: tl.constexpr, ok_e, W: tl.constexpr):
    """Tap j of 4, the oldest first; zero where the convolution is narrower."""
    if j < 4 - W:
        return tl.zeros_like(e).to(tl.float32)
    return tl.load(weight + e * W + (j - (4 - W)), mask=ok_e, other=0.0).to(tl.float32)


@triton.jit
def _conv_backward(
    x,
    weight,
    bias,
    d_y,
    d_x,
    d_filter,
    cu_seqlens,
    x_row,
    E,
    W: tl.constexpr,
    BT: tl.constexpr,
    BE: tl.constexpr,
):
    """Walk back through a stretch of times; four inputs and three gradients stay in registers."""
    b = tl.program_id(0)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    e = tl.program_id(2) * BE + tl.arange(0, BE)
    ok = e < E
    w0, w1 = _tap(weight, e, 0, ok, W), _tap(weight, e, 1, ok, W)
    w2, w3 = _tap(weight, e, 2, ok, W), _tap(weight, e, 3, ok, W)
    add = tl.load(bias + e, mask=ok, other=0.0).to(tl.float32)
    begin = start + tl.program_id(1) * BT
    stop = tl.minimum(begin + BT, end)
    latest = tl.minimum(stop + 2, end - 1)
    first = tl.minimum(start, tl.maximum(end - 1, 0))  # an empty history may lie past the end
    x3, x2 = _past(x, latest, first, x_row, e, ok), _past(x, latest - 1, first, x_row, e, ok)
    x1, x0 = _past(x, latest - 2, first, x_row, e, ok), _past(x, latest - 3, first, x_row, e, ok)
    g1, g2, g3 = tl.zeros_like(add), tl.zeros_like(add), tl.zeros_like(add)
    s0, s1, s2, s3 = tl.zeros_like(add), tl.zeros_like(add), tl.zeros_like(add), tl.zeros_like(add)
    s_add = tl.zeros_like(add)
    out = tl.load(d_y + tl.maximum(latest, 0) * E + e, mask=ok, other=0.0).to(tl.float32)
    for i in range(0, latest - begin + 1):
        t = latest - i
        older = _past(x, t - 4, start, x_row, e, ok)
        behind = tl.maximum(t - 1, start)
        next_out = tl.load(d_y + behind * E + e, mask=ok, other=0.0).to(tl.float32)
        total = w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3 + add
        gate = 1.0 / (1.0 + tl.exp(-total))
        g0 = out * gate * (1 + total * (1 - gate))
        if t < stop:
            s0, s1, s2, s3 = s0 + g0 * x0, s1 + g0 * x1, s2 + g0 * x2, s3 + g0 * x3
            s_add += g0
            tl.store(d_x + t * E + e, w3 * g0 + w2 * g1 + w1 * g2 + w0 * g3, mask=ok)
        g3, g2, g1 = g2, g1, g0
        x3, x2, x1, x0, out = x2, x1, x0, older, next_out
    slot = (b * tl.num_programs(1) + tl.program_id(1)).to(tl.int64) * E + e
    tl.store(d_filter + slot * 5, s0, mask=ok)
    tl.store(d_filter + slot * 5 + 1, s1, mask=ok)
    tl.store(d_filter + slot * 5 + 2, s2, mask=ok)
    tl.store(d_filter + slot * 5 + 3, s3, mask=ok)
    tl.store(d_filter + slot * 5 + 4, s_add, mask=ok)


@triton.jit
def _past(x, t, start, x_row, e, ok):
    """The input at t, or zero before its history begins."""
    here = tl.load(x + tl.maximum(t, start) * x_row + e, mask=ok, other=0.0).to(tl.float32)
    return tl.where(t >= start, here, 0.0)


class _CausalConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        x, weight, bias, cu_seqlens, max_seqlen = inputs
        E, W = weight.shape
        y = torch.empty(len(x), E, dtype=x.dtype, device=x.device)
        grid = (len(cu_seqlens) - 1, triton.cdiv(max_seqlen, TIMES), triton.cdiv(E, CHANNELS))
        sizes = {"W": W, "BT": TIMES, "BE": CHANNELS}
        _conv_forward[grid](x, weight, bias, y, cu_seqlens, x.stride(0), E, **sizes, num_warps=4)
        ctx.max_seqlen = max_seqlen
        ctx.save_for_backward(x, weight, bias, cu_seqlens)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, cu_seqlens = ctx.saved_tensors
        E, W = weight.shape
        d_x = torch.empty(len(x), E, dtype=x.dtype, device=x.device)
        grid = (
            len(cu_seqlens) - 1,
            triton.cdiv(ctx.max_seqlen, STRETCH),
            triton.cdiv(E, CHANNELS),
        )
        # Four taps and the bias. A short packed history leaves its later stretches unvisited.
        d_filter = torch.zeros(grid[0] * grid[1], E, 5, dtype=torch.float32, device=x.device)
        arriving = gradients[0].contiguous()
        arrays = x, weight, bias, arriving, d_x, d_filter, cu_seqlens
        sizes = {"W": W, "BT": STRETCH, "BE": CHANNELS}
        _conv_backward[grid](*arrays, x.stride(0), E, **sizes, num_warps=2)
        summed = d_filter.sum(0)
        d_weight = summed[:, 4 - W : 4]
        d_bias = summed[:, 4]
        return d_x, d_weight.to(weight.dtype), d_bias.to(bias.dtype), None, None


def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Convolve as `CausalConv` says."""
    if packing is not None:
        refuse_state(state)
        return _apply(x, weight, bias, packing), None
    length = x.shape[1]
    width = weight.shape[1]
    last = with_past(x[:, -(width - 1) :], width, state)[:, -(width - 1) :]
    whole = x if state is None else torch.cat([state, x], dim=1)
    y = _apply(whole.flatten(0, 1), weight, bias, Packing.of_batch(whole))
    return y.view(*whole.shape[:2], -1)[:, -length:], last


def _apply(x: Tensor, weight: Tensor, bias: Tensor, packing: Packing) -> Tensor:
    y: Tensor = _CausalConv.apply(x, weight, bias, packing.cu_seqlens, packing.max_seqlen)
    return y

"""Dropout, sum and LayerNorm in one kernel each way; the mask is drawn again, not stored."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

PROGRAMS = 1024


@triton.jit
def _summed(mixed, x, place, ok, seed, p, DROP: tl.constexpr):
    """Return drop(mixed) + x and the factor that dropout put on `mixed`."""
    factor = tl.full(ok.shape, 1.0, tl.float32)
    if DROP:
        factor = tl.where(tl.rand(seed, place) >= p, 1.0 / (1.0 - p), 0.0)
    value = tl.load(mixed + place, mask=ok, other=0.0).to(tl.float32)
    return value * factor + tl.load(x + place, mask=ok, other=0.0).to(tl.float32), factor


@triton.jit
def _norm_forward(
    mixed,
    x,
    weight,
    bias,
    y,
    mean,
    scale,
    seed,
    p,
    eps,
    rows,
    D,
    DROP: tl.constexpr,
    BR: tl.constexpr,
    BD: tl.constexpr,
):
    row = tl.program_id(0) * BR + tl.arange(0, BR)
    d = tl.arange(0, BD)
    ok = (row < rows)[:, None] & (d < D)[None, :]
    place = row[:, None] * D + d[None, :]
    value, _ = _summed(mixed, x, place, ok, tl.load(seed), p, DROP)
    centre = tl.sum(value, axis=1) / D
    gap = tl.where(ok, value - centre[:, None], 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(gap * gap, axis=1) / D + eps)
    w = tl.load(weight + d, mask=d < D, other=0.0).to(tl.float32)
    shift = tl.load(bias + d, mask=d < D, other=0.0).to(tl.float32)
    tl.store(y + place, gap * inverse[:, None] * w[None, :] + shift[None, :], mask=ok)
    tl.store(mean + row, centre, mask=row < rows)
    tl.store(scale + row, inverse, mask=row < rows)


@triton.jit
def _norm_backward(
    mixed,
    x,
    weight,
    mean,
    scale,
    d_y,
    d_mixed,
    d_x,
    d_weight,
    d_bias,
    seed,
    p,
    rows,
    D,
    DROP: tl.constexpr,
    BR: tl.constexpr,
    BD: tl.constexpr,
):
    d = tl.arange(0, BD)
    w = tl.load(weight + d, mask=d < D, other=0.0).to(tl.float32)
    w_sum, b_sum = tl.zeros([BD], tl.float32), tl.zeros([BD], tl.float32)
    for first in range(tl.program_id(0) * BR, rows, tl.num_programs(0) * BR):
        row = first + tl.arange(0, BR)
        ok = (row < rows)[:, None] & (d < D)[None, :]
        place = row[:, None] * D + d[None, :]
        value, factor = _summed(mixed, x, place, ok, tl.load(seed), p, DROP)
        centre = tl.load(mean + row, mask=row < rows, other=0.0)
        inverse = tl.load(scale + row, mask=row < rows, other=0.0)
        normal = tl.where(ok, (value - centre[:, None]) * inverse[:, None], 0.0)
        out = tl.load(d_y + place, mask=ok, other=0.0).to(tl.float32)
        w_sum += tl.sum(out * normal, axis=0)
        b_sum += tl.sum(out, axis=0)
        g = out * w[None, :]
        along = tl.sum(g * normal, axis=1) / D
        gradient = (g - tl.sum(g, axis=1)[:, None] / D - normal * along[:, None]) * inverse[
            :, None
        ]
        tl.store(d_x + place, gradient, mask=ok)
        tl.store(d_mixed + place, gradient * factor, mask=ok)
    tl.store(d_weight + tl.program_id(0) * D + d, w_sum, mask=d < D)
    tl.store(d_bias + tl.program_id(0) * D + d, b_sum, mask=d < D)


class _ResidualNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        mixed, x, weight, bias, eps, dropout = inputs
        rows, D = x.shape
        y = torch.empty_like(x)
        mean, scale = (torch.empty(rows, device=x.device) for _ in range(2))
        # Drawn on the device: a CUDA graph replays with a new mask each time.
        seed = torch.randint(2**31 - 1, (1,), device=x.device)
        padded = triton.next_power_of_2(D)
        ctx.sizes = {"DROP": dropout > 0, "BR": max(1, 2048 // padded), "BD": padded}
        ctx.dropout = dropout
        arrays = mixed, x, weight, bias, y, mean, scale, seed
        grid = (triton.cdiv(rows, ctx.sizes["BR"]),)
        _norm_forward[grid](*arrays, dropout, eps, rows, D, **ctx.sizes, num_warps=4)
        ctx.save_for_backward(mixed, x, weight, mean, scale, seed)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        mixed, x, weight, mean, scale, seed = ctx.saved_tensors
        rows, D = x.shape
        d_mixed = torch.empty_like(mixed)
        d_x = torch.empty_like(x)
        programs = min(PROGRAMS, triton.cdiv(rows, ctx.sizes["BR"]))
        d_affine = mean.new_empty(2, programs, D)
        arriving = gradients[0].contiguous()
        arrays = mixed, x, weight, mean, scale, arriving, d_mixed, d_x, *d_affine, seed
        _norm_backward[(programs,)](*arrays, ctx.dropout, rows, D, **ctx.sizes, num_warps=4)
        to_affine = d_affine.sum(1).to(weight.dtype)
        return d_mixed, d_x, *to_affine, None, None


def residual_norm(
    mixed: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float, dropout: float
) -> Tensor:
    """Normalise a residual as `ResidualNorm` says, the mask drawn by Triton's generator."""
    flat = [part.flatten(0, -2).contiguous() for part in (mixed, x)]
    y: Tensor = _ResidualNorm.apply(*flat, weight, bias, eps, dropout)
    return y.view(x.shape)

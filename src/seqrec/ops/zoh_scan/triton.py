"""S5's recurrence in one kernel each way: hold, scan and every gradient.

A program runs one history: lanes are states, time is the loop. Histories lie one after the other
in flat arrays, and `cu_seqlens` says where each begins: padding is never visited.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.packing import Packing

TWO_PI = tl.constexpr(6.283185307179586)
UNROLL = tl.constexpr(4)  # one warp's steps overlap: there is no other warp to hide behind


@triton.jit
def _hold(d, lr, li, s, turn):
    """Λ̄ and Λ⁻¹(Λ̄ − 1) of one step; whole turns leave in double precision."""
    e = lr * (d * s)
    turns = turn * d.to(tl.float64)
    turns -= tl.floor(turns + 0.5)
    angle = (turns * TWO_PI).to(tl.float32)
    magnitude = tl.exp(e)
    series = e * (1 + e * (1 / 2 + e * (1 / 6 + e * (1 / 24 + e * (1 / 120 + e * (1 / 720))))))
    expm1 = tl.where(e > -0.25, series, magnitude - 1)
    half = tl.sin(angle * 0.5)
    cosine, sine = 1 - 2 * half * half, tl.sin(angle)
    re, im = expm1 * cosine - 2 * half * half, magnitude * sine
    norm = lr * lr + li * li
    gain_re, gain_im = (re * lr + im * li) / norm, (im * lr - re * li) / norm
    return magnitude * cosine, im, gain_re, gain_im


@triton.jit
def _zoh_forward(
    drive, interval, lambda_re, lambda_im, step, state, states, last, cu_seqlens,
    P: tl.constexpr, BP: tl.constexpr, HAS_STATE: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    p = tl.arange(0, BP)
    ok = p < P
    lr = tl.load(lambda_re + p, mask=ok, other=-1.0)
    li = tl.load(lambda_im + p, mask=ok, other=0.0)
    s = tl.load(step + p, mask=ok, other=0.0)
    turn = li.to(tl.float64) * s.to(tl.float64) / TWO_PI
    re, im = tl.zeros([BP], tl.float32), tl.zeros([BP], tl.float32)
    if HAS_STATE:
        re = tl.load(state + b * 2 * P + p, mask=ok, other=0.0)
        im = tl.load(state + b * 2 * P + P + p, mask=ok, other=0.0)
    first = tl.minimum(start, tl.maximum(end - 1, 0))  # an empty history may lie past the end
    d = tl.load(interval + first)
    vr = tl.load(drive + first * 2 * P + p, mask=ok, other=0.0).to(tl.float32)
    vi = tl.load(drive + first * 2 * P + P + p, mask=ok, other=0.0).to(tl.float32)
    for t in tl.range(start, end, loop_unroll_factor=UNROLL):
        ahead = tl.minimum(t + 1, end - 1)
        next_d = tl.load(interval + ahead)
        next_vr = tl.load(drive + ahead * 2 * P + p, mask=ok, other=0.0).to(tl.float32)
        next_vi = tl.load(drive + ahead * 2 * P + P + p, mask=ok, other=0.0).to(tl.float32)
        ar, ai, gr, gi = _hold(d, lr, li, s, turn)
        new = ar * re - ai * im + gr * vr - gi * vi
        im = ar * im + ai * re + gr * vi + gi * vr
        re = new
        tl.store(states + t * 2 * P + p, re, mask=ok)
        tl.store(states + t * 2 * P + P + p, im, mask=ok)
        d, vr, vi = next_d, next_vr, next_vi
    tl.store(last + b * 2 * P + p, re, mask=ok)
    tl.store(last + b * 2 * P + P + p, im, mask=ok)


@triton.jit
def _zoh_backward(
    drive, interval, lambda_re, lambda_im, step, state, states, d_states, d_last, cu_seqlens,
    d_drive, d_interval, d_lambda_re, d_lambda_im, d_step, d_state,
    P: tl.constexpr, BP: tl.constexpr, HAS_STATE: tl.constexpr, HAS_LAST: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    p = tl.arange(0, BP)
    ok = p < P
    lr = tl.load(lambda_re + p, mask=ok, other=-1.0)
    li = tl.load(lambda_im + p, mask=ok, other=0.0)
    s = tl.load(step + p, mask=ok, other=0.0)
    turn = li.to(tl.float64) * s.to(tl.float64) / TWO_PI
    norm = lr * lr + li * li
    gr_sum, gi_sum, s_sum = (
        tl.zeros([BP], tl.float32),
        tl.zeros([BP], tl.float32),
        tl.zeros([BP], tl.float32),
    )
    carry_re, carry_im = tl.zeros([BP], tl.float32), tl.zeros([BP], tl.float32)
    if HAS_LAST:
        carry_re = tl.load(d_last + b * 2 * P + p, mask=ok, other=0.0)
        carry_im = tl.load(d_last + b * 2 * P + P + p, mask=ok, other=0.0)
    first_re, first_im = tl.zeros([BP], tl.float32), tl.zeros([BP], tl.float32)
    if HAS_STATE:
        first_re = tl.load(state + b * 2 * P + p, mask=ok, other=0.0)
        first_im = tl.load(state + b * 2 * P + P + p, mask=ok, other=0.0)
    final = tl.maximum(end - 1, 0)
    row = final * 2 * P + p
    d = tl.load(interval + final)
    vr = tl.load(drive + row, mask=ok, other=0.0).to(tl.float32)
    vi = tl.load(drive + row + P, mask=ok, other=0.0).to(tl.float32)
    out_re = tl.load(d_states + row, mask=ok, other=0.0).to(tl.float32)
    out_im = tl.load(d_states + row + P, mask=ok, other=0.0).to(tl.float32)
    for i in tl.range(0, end - start, loop_unroll_factor=UNROLL):
        t = end - 1 - i
        row = t * 2 * P + p
        # The first step has no earlier one: it reads its own and takes the initial state instead.
        earlier = row - tl.where(t > start, 2 * P, 0)
        xr = tl.load(states + earlier, mask=ok, other=0.0)
        xi = tl.load(states + earlier + P, mask=ok, other=0.0)
        next_d = tl.load(interval + tl.maximum(t - 1, start))
        next_vr = tl.load(drive + earlier, mask=ok, other=0.0).to(tl.float32)
        next_vi = tl.load(drive + earlier + P, mask=ok, other=0.0).to(tl.float32)
        next_re = tl.load(d_states + earlier, mask=ok, other=0.0).to(tl.float32)
        next_im = tl.load(d_states + earlier + P, mask=ok, other=0.0).to(tl.float32)
        xr = tl.where(t > start, xr, first_re)
        xi = tl.where(t > start, xi, first_im)
        g_re, g_im = out_re + carry_re, out_im + carry_im
        ar, ai, hr, hi = _hold(d, lr, li, s, turn)
        tl.store(d_drive + row, hr * g_re + hi * g_im, mask=ok)
        tl.store(d_drive + row + P, hr * g_im - hi * g_re, mask=ok)
        # Gradients of decay and gain: g conj(x) and g conj(v).
        da_re, da_im = g_re * xr + g_im * xi, g_im * xr - g_re * xi
        dg_re, dg_im = g_re * vr + g_im * vi, g_im * vr - g_re * vi
        tau = d * s
        # d gain / dΛ = (τ Λ̄ − gain) / Λ.
        wr, wi = tau * ar - hr, tau * ai - hi
        qr, qi = (wr * lr + wi * li) / norm, (wi * lr - wr * li) / norm
        gr_sum += tau * (ar * da_re + ai * da_im) + qr * dg_re + qi * dg_im
        gi_sum += tau * (ar * da_im - ai * da_re) + qr * dg_im - qi * dg_re
        # d decay / dτ = ΛΛ̄, d gain / dτ = Λ̄.
        lar, lai = lr * ar - li * ai, lr * ai + li * ar
        d_tau = lar * da_re + lai * da_im + ar * dg_re + ai * dg_im
        s_sum += d * d_tau
        tl.store(d_interval + t, tl.sum(tl.where(ok, s * d_tau, 0.0), axis=0))
        carry_re, carry_im = ar * g_re + ai * g_im, ar * g_im - ai * g_re
        d, vr, vi, out_re, out_im = next_d, next_vr, next_vi, next_re, next_im
    tl.store(d_lambda_re + b * P + p, gr_sum, mask=ok)
    tl.store(d_lambda_im + b * P + p, gi_sum, mask=ok)
    tl.store(d_step + b * P + p, s_sum, mask=ok)
    tl.store(d_state + b * 2 * P + p, carry_re, mask=ok)
    tl.store(d_state + b * 2 * P + P + p, carry_im, mask=ok)


class _ZohScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        drive, interval, lambda_re, lambda_im, step, state, cu_seqlens = inputs
        P = len(step)
        rows = len(cu_seqlens) - 1
        states = torch.empty(drive.shape, dtype=torch.float32, device=drive.device)
        last = states.new_empty(rows, 2 * P)
        start = last if state is None else state
        given = drive, interval, lambda_re, lambda_im, step, start, states
        sizes = {"P": P, "BP": max(triton.next_power_of_2(P), 2), "HAS_STATE": state is not None}
        _zoh_forward[(rows,)](*given, last, cu_seqlens, **sizes, num_warps=1)
        ctx.save_for_backward(*given, cu_seqlens)
        ctx.sizes = sizes
        ctx.set_materialize_grads(False)
        return states, last

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *given, cu_seqlens = ctx.saved_tensors
        drive, interval, *_, start, states = given
        d_states, d_last = gradients
        d_states = torch.zeros_like(states) if d_states is None else d_states.contiguous()
        arriving = d_states, start if d_last is None else d_last.contiguous()
        d_drive = torch.empty_like(drive)
        d_interval = torch.empty_like(interval)
        rows = len(cu_seqlens) - 1
        d_system = states.new_empty(3, rows, ctx.sizes["P"])
        d_state = states.new_empty(rows, drive.shape[1])
        found = d_drive, d_interval, *d_system, d_state
        sizes = {**ctx.sizes, "HAS_LAST": d_last is not None}
        _zoh_backward[(rows,)](*given, *arriving, cu_seqlens, *found, **sizes, num_warps=1)
        to_state = d_state if ctx.sizes["HAS_STATE"] else None
        return d_drive, d_interval, *d_system.sum(1), to_state, None


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence of `ZohScan`; states are float32 for any type of `drive`."""
    layout = packing or Packing.of_batch(drive)
    system = (x.float().contiguous() for x in (lambda_re, lambda_im, step))
    states, last = _ZohScan.apply(
        drive.flatten(0, -2).contiguous(),
        interval.float().flatten().contiguous(),
        *system,
        None if state is None else state.float().contiguous(),
        layout.cu_seqlens,
    )
    return states.view(drive.shape), last

"""S5's recurrence in one kernel each way: hold, scan and every gradient.

A program runs one history: lanes are states, time is the loop. Where there are too few histories
to fill a GPU, each is cut into `CH` chunks of time, a warp each: a first pass finds what a chunk
makes of the state before it, a scan over the chunks hands the states on, and a second pass is the
recurrence itself, all chunks at once. Histories lie one after the other in flat arrays, and
`cu_seqlens` says where each begins: padding is never visited.
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
FEW_ROWS = 1024
"""Histories below which a GPU is not filled."""
CHUNKS = 8
"""Chunks of time of a history then."""


@triton.jit
def _hold(d, lr, li, s, turn):
    """Λ̄ and Λ⁻¹(Λ̄ − 1) of one step, 1 and 0 at d = 0; whole turns leave in double precision."""
    e = lr * (d.to(tl.float32) * s)
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
def _then(ar, ai, xr, xi, br, bi, yr, yi):
    """First x ← ax + …, then x ← bx + …: one step of the same kind."""
    return br * ar - bi * ai, br * ai + bi * ar, br * xr - bi * xi + yr, br * xi + bi * xr + yi


@triton.jit
def _row(pointer, t, width, p, inside, ok):
    """Read real and imaginary parts of a step of each chunk, (CH, BP); 0 outside."""
    at = pointer + t.to(tl.int64) * width + p
    mask = inside & ok
    re = tl.load(at, mask=mask, other=0.0).to(tl.float32)
    return re, tl.load(at + width // 2, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _system(lambda_re, lambda_im, step, p, ok):
    """Read Λ, s and whole turns a second, (1, BP)."""
    lr = tl.load(lambda_re + p, mask=ok, other=-1.0)
    li = tl.load(lambda_im + p, mask=ok, other=0.0)
    s = tl.load(step + p, mask=ok, other=0.0)
    return lr, li, s, li.to(tl.float64) * s.to(tl.float64) / TWO_PI


@triton.jit
def _zoh_forward(
    drive, interval, lambda_re, lambda_im, step, state, states, last, cu_seqlens,
    P: tl.constexpr, BP: tl.constexpr, CH: tl.constexpr, HAS_STATE: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    p = tl.arange(0, BP)[None, :]
    chunk = tl.arange(0, CH)[:, None]
    ok = p < P
    lr, li, s, turn = _system(lambda_re, lambda_im, step, p, ok)
    re, im = tl.zeros([CH, BP], tl.float32), tl.zeros([CH, BP], tl.float32)
    if HAS_STATE:
        re, im = _row(state, b + chunk * 0, 2 * P, p, chunk == 0, ok)
    steps = tl.cdiv(end - start, CH)
    if CH > 1:
        # What the chunk before each makes of its own steps; the first begins with the state.
        begin = start + (chunk - 1) * steps
        time = tl.zeros([CH, 1], tl.float64)
        for i in tl.range(0, steps, loop_unroll_factor=UNROLL):
            inside = (chunk > 0) & (begin + i < end)
            d = tl.load(interval + begin + i, mask=inside, other=0.0)
            vr, vi = _row(drive, begin + i, 2 * P, p, inside, ok)
            ar, ai, gr, gi = _hold(d, lr, li, s, turn)
            new = ar * re - ai * im + gr * vr - gi * vi
            im = ar * im + ai * re + gr * vi + gi * vr
            re = new
            time += d
        ar, ai, _, _ = _hold(time, lr, li, s, turn)
        _, _, re, im = tl.associative_scan((ar, ai, re, im), 0, _then)
    begin = start + chunk * steps
    stop = tl.minimum(begin + steps, end)
    d = tl.load(interval + begin, mask=begin < stop, other=0.0)
    vr, vi = _row(drive, begin, 2 * P, p, begin < stop, ok)
    for i in tl.range(0, steps, loop_unroll_factor=UNROLL):
        t = begin + i
        next_d = tl.load(interval + t + 1, mask=t + 1 < stop, other=0.0)
        next_vr, next_vi = _row(drive, t + 1, 2 * P, p, t + 1 < stop, ok)
        ar, ai, gr, gi = _hold(d, lr, li, s, turn)
        new = ar * re - ai * im + gr * vr - gi * vi
        im = ar * im + ai * re + gr * vi + gi * vr
        re = new
        tl.store(states + t * 2 * P + p, re, mask=(t < stop) & ok)
        tl.store(states + t * 2 * P + P + p, im, mask=(t < stop) & ok)
        d, vr, vi = next_d, next_vr, next_vi
    final = (chunk == CH - 1) & ok
    tl.store(last + b * 2 * P + p + chunk * 0, re, mask=final)
    tl.store(last + b * 2 * P + P + p + chunk * 0, im, mask=final)


@triton.jit
def _zoh_backward(
    drive, interval, lambda_re, lambda_im, step, state, states, d_states, d_last, cu_seqlens,
    d_drive, d_interval, d_lambda_re, d_lambda_im, d_step, d_state,
    P: tl.constexpr, BP: tl.constexpr, CH: tl.constexpr,
    HAS_STATE: tl.constexpr, HAS_LAST: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    p = tl.arange(0, BP)[None, :]
    chunk = tl.arange(0, CH)[:, None]  # the first is the last in time
    ok = p < P
    lr, li, s, turn = _system(lambda_re, lambda_im, step, p, ok)
    norm = lr * lr + li * li
    carry_re, carry_im = tl.zeros([CH, BP], tl.float32), tl.zeros([CH, BP], tl.float32)
    if HAS_LAST:
        carry_re, carry_im = _row(d_last, b + chunk * 0, 2 * P, p, chunk == 0, ok)
    first_re, first_im = tl.zeros([CH, BP], tl.float32), tl.zeros([CH, BP], tl.float32)
    if HAS_STATE:
        first_re, first_im = _row(state, b + chunk * 0, 2 * P, p, chunk >= 0, ok)
    steps = tl.cdiv(end - start, CH)
    if CH > 1:
        # What reaches each chunk through the one after it, as in the forward pass.
        final = end - 1 - (chunk - 1) * steps
        time = tl.zeros([CH, 1], tl.float64)
        for i in tl.range(0, steps, loop_unroll_factor=UNROLL):
            inside = (chunk > 0) & (final - i >= start)
            d = tl.load(interval + final - i, mask=inside, other=0.0)
            out_re, out_im = _row(d_states, final - i, 2 * P, p, inside, ok)
            ar, ai, _, _ = _hold(d, lr, li, s, turn)
            g_re, g_im = out_re + carry_re, out_im + carry_im
            carry_re, carry_im = ar * g_re + ai * g_im, ar * g_im - ai * g_re
            time += d
        ar, ai, _, _ = _hold(time, lr, li, s, turn)
        _, _, carry_re, carry_im = tl.associative_scan((ar, -ai, carry_re, carry_im), 0, _then)
    gr_sum, gi_sum = tl.zeros([CH, BP], tl.float32), tl.zeros([CH, BP], tl.float32)
    s_sum = tl.zeros([CH, BP], tl.float32)
    final = end - 1 - chunk * steps
    begin = tl.maximum(final - steps + 1, start)
    d = tl.load(interval + final, mask=final >= begin, other=0.0)
    vr, vi = _row(drive, final, 2 * P, p, final >= begin, ok)
    out_re, out_im = _row(d_states, final, 2 * P, p, final >= begin, ok)
    for i in tl.range(0, steps, loop_unroll_factor=UNROLL):
        t = final - i
        inside = t >= begin
        # The first step has no earlier one: it takes the initial state instead.
        xr, xi = _row(states, t - 1, 2 * P, p, inside & (t > start), ok)
        next_d = tl.load(interval + t - 1, mask=t > begin, other=0.0)
        next_vr, next_vi = _row(drive, t - 1, 2 * P, p, t > begin, ok)
        next_re, next_im = _row(d_states, t - 1, 2 * P, p, t > begin, ok)
        xr = tl.where(t > start, xr, first_re)
        xi = tl.where(t > start, xi, first_im)
        g_re, g_im = out_re + carry_re, out_im + carry_im
        ar, ai, hr, hi = _hold(d, lr, li, s, turn)
        row = t * 2 * P + p
        tl.store(d_drive + row, hr * g_re + hi * g_im, mask=inside & ok)
        tl.store(d_drive + row + P, hr * g_im - hi * g_re, mask=inside & ok)
        # Gradients of decay and gain: g conj(x) and g conj(v); 0 where there is no step.
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
        along = tl.sum(tl.where(ok, s * d_tau, 0.0), axis=1, keep_dims=True)
        # Stored by the lane of the first state: a tile of one column would change its layout.
        along = tl.broadcast_to(along, [CH, BP])
        tl.store(d_interval + t + p, along, mask=inside & (p == 0))
        carry_re, carry_im = ar * g_re + ai * g_im, ar * g_im - ai * g_re
        d, vr, vi, out_re, out_im = next_d, next_vr, next_vi, next_re, next_im
    tl.store(d_lambda_re + b * P + p, tl.sum(gr_sum, axis=0, keep_dims=True), mask=ok)
    tl.store(d_lambda_im + b * P + p, tl.sum(gi_sum, axis=0, keep_dims=True), mask=ok)
    tl.store(d_step + b * P + p, tl.sum(s_sum, axis=0, keep_dims=True), mask=ok)
    earliest = (chunk == CH - 1) & ok
    tl.store(d_state + b * 2 * P + p + chunk * 0, carry_re, mask=earliest)
    tl.store(d_state + b * 2 * P + P + p + chunk * 0, carry_im, mask=earliest)


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
        chunks = CHUNKS if rows < FEW_ROWS else 1
        sizes = {
            "P": P,
            "BP": max(triton.next_power_of_2(P), 2),
            "CH": chunks,
            "HAS_STATE": state is not None,
        }
        _zoh_forward[(rows,)](*given, last, cu_seqlens, **sizes, num_warps=chunks)
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
        warps = sizes["CH"]
        _zoh_backward[(rows,)](*given, *arriving, cu_seqlens, *found, **sizes, num_warps=warps)
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

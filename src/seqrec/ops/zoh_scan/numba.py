"""Hold and scan in one pass each way, compiled by Numba for a processor."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from seqrec.ops.packing import Packing
from seqrec.ops.powers import LOG2_E, MATHS, exp2m1, power_of_two, sine_and_cosine
from seqrec.ops.threads import in_threads, serves
from seqrec.ops.zoh_scan import torch as by_torch

_ONE = np.float32(1.0)
_TWO = np.float32(2.0)


@numba.njit(inline="always", fastmath=MATHS)
def _inverse(system):
    """Return the parts of Λ / |Λ|², float32: the conjugate of 1 / Λ."""
    norm = system[0] * system[0] + system[1] * system[1]
    return (system[0] / norm).astype(np.float32), (system[1] / norm).astype(np.float32)


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _forward(system, drive, interval, state, states, hold):
    rows, length = interval.shape
    P = system.shape[1]
    # Whole turns and powers of two leave in double precision, as in `seqrec.ops.discretize`.
    powers, turns = system[0] * system[2] * LOG2_E, system[1] * system[2] / (2 * math.pi)
    inverse_re, inverse_im = _inverse(system)
    for b in range(rows):
        x = state[b].copy()
        re, im = x[:P], x[P:]
        for t in range(length):
            d, row = np.float64(interval[b, t]), hold[b, t]
            decay_re, decay_im, gain_re, gain_im = row[0], row[1], row[2], row[3]
            for p in range(P):
                power = min(max(powers[p] * d, -127.0), 127.0)
                whole = math.floor(power + 0.5)
                turn = turns[p] * d
                angle = np.float32((turn - math.floor(turn + 0.5)) * math.pi)
                scale, part = power_of_two(whole), exp2m1(np.float32(power - whole))
                sine, cosine = sine_and_cosine(angle)
                versine = _TWO * sine * sine
                magnitude, decay_m1 = scale * part + scale, scale * part + (scale - _ONE)
                decay_re[p] = magnitude * (_ONE - versine)
                decay_im[p] = magnitude * _TWO * sine * cosine
                less_one = decay_m1 * (_ONE - versine) - versine
                gain_re[p] = less_one * inverse_re[p] + decay_im[p] * inverse_im[p]
                gain_im[p] = decay_im[p] * inverse_re[p] - less_one * inverse_im[p]
            v_re, v_im, out = drive[b, t, :P], drive[b, t, P:], states[b, t]
            for p in range(P):
                ar, ai, gr, gi = decay_re[p], decay_im[p], gain_re[p], gain_im[p]
                xr, xi, vr, vi = re[p], im[p], v_re[p], v_im[p]
                re[p] = ar * xr - ai * xi + gr * vr - gi * vi
                im[p] = ar * xi + ai * xr + gr * vi + gi * vr
            out[:] = x


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _backward(
    system, drive, interval, state, states, hold, d_states, d_drive, d_interval, d_system, d_state
):
    rows, length = interval.shape
    P = system.shape[1]
    exact = system.astype(np.float32)
    rate, frequency, step = exact[0], exact[1], exact[2]
    inverse_re, inverse_im = _inverse(system)
    scratch = np.empty((2, P), np.float32)
    g_re, g_im = scratch[0], scratch[1]
    for b in range(rows):
        sums, carry = np.zeros((3, P), np.float64), np.zeros(2 * P, np.float32)
        to_rate, to_frequency, to_step = sums[0], sums[1], sums[2]
        carry_re, carry_im = carry[:P], carry[P:]
        for t in range(length - 1, -1, -1):
            d, to_interval, row = interval[b, t], 0.0, hold[b, t]
            before = states[b, t - 1] if t > 0 else state[b]
            decay_re, decay_im, gain_re, gain_im = row[0], row[1], row[2], row[3]
            d_re, d_im = d_states[b, t, :P], d_states[b, t, P:]
            to_re, to_im = d_drive[b, t, :P], d_drive[b, t, P:]
            for p in range(P):
                gr, gi = d_re[p] + carry_re[p], d_im[p] + carry_im[p]
                g_re[p], g_im[p] = gr, gi
                to_re[p] = gain_re[p] * gr + gain_im[p] * gi
                to_im[p] = gain_re[p] * gi - gain_im[p] * gr
                carry_re[p] = decay_re[p] * gr + decay_im[p] * gi
                carry_im[p] = decay_re[p] * gi - decay_im[p] * gr
            x_re, x_im, v_re, v_im = before[:P], before[P:], drive[b, t, :P], drive[b, t, P:]
            for p in range(P):
                gr, gi, ar, ai = g_re[p], g_im[p], decay_re[p], decay_im[p]
                # Gradients of decay and gain: g conj(x) and g conj(v).
                da_re, da_im = gr * x_re[p] + gi * x_im[p], gi * x_re[p] - gr * x_im[p]
                dg_re, dg_im = gr * v_re[p] + gi * v_im[p], gi * v_re[p] - gr * v_im[p]
                # d decay / dΛ = τ Λ̄ and d gain / dΛ = (τ Λ̄ − gain) / Λ.
                tau = d * step[p]
                wr, wi = tau * ar - gain_re[p], tau * ai - gain_im[p]
                qr = wr * inverse_re[p] + wi * inverse_im[p]
                qi = wi * inverse_re[p] - wr * inverse_im[p]
                to_rate[p] += tau * (ar * da_re + ai * da_im) + qr * dg_re + qi * dg_im
                to_frequency[p] += tau * (ar * da_im - ai * da_re) + qr * dg_im - qi * dg_re
                # d decay / dτ = ΛΛ̄, d gain / dτ = Λ̄.
                lar = rate[p] * ar - frequency[p] * ai
                lai = rate[p] * ai + frequency[p] * ar
                d_tau = lar * da_re + lai * da_im + ar * dg_re + ai * dg_im
                to_step[p] += d * d_tau
                to_interval += step[p] * d_tau
            d_interval[b, t] = to_interval
        d_system[b] = sums
        d_state[b] = carry


class _ZohScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        drive, interval, lambda_re, lambda_im, step, state = (
            x.detach().contiguous() for x in inputs
        )
        system = torch.stack([lambda_re, lambda_im, step]).double()
        states = torch.empty_like(drive)
        hold = drive.new_empty(*interval.shape, 4, len(step))
        in_threads(_forward, system, drive, interval, state, states, hold)
        ctx.save_for_backward(system, drive, interval, state, states, hold)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        system, drive, interval, state, *_ = ctx.saved_tensors
        d_drive, d_interval, d_state = (torch.empty_like(x) for x in (drive, interval, state))
        d_system = drive.new_empty(len(drive), *system.shape)
        d_states = gradients[0].contiguous()
        found = d_drive, d_interval, d_system, d_state
        in_threads(_backward, *ctx.saved_tensors, d_states, *found)
        return d_drive, d_interval, *d_system.sum(0), d_state


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence of `ZohScan`; packed histories are padded for it.

    Anything but float32 on a CPU takes the version of `torch`.
    """
    if not serves(drive):
        return by_torch.zoh_scan(drive, interval, lambda_re, lambda_im, step, state, packing)
    if packing is not None:
        # Padding is held for 0 s and leaves the state as it is.
        padded = packing.to_dense(drive)
        held = packing.to_dense(interval)
        outputs, last = zoh_scan(padded, held, lambda_re, lambda_im, step, state)
        return packing.to_packed(outputs), last
    start = drive.new_zeros(len(drive), drive.shape[-1]) if state is None else state
    states: Tensor = _ZohScan.apply(drive, interval.float(), lambda_re, lambda_im, step, start)
    return states, states[:, -1]

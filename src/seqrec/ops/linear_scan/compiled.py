"""The same on a processor, compiled by Numba: hold and scan in one pass each way."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from seqrec.ops.linear_scan import stepwise
from seqrec.ops.threads import in_threads

ONE, TWO, HALF = np.float32(1.0), np.float32(2.0), np.float32(0.5)


@numba.njit(nogil=True, cache=True)
def _forward(system, drive, interval, state, states, hold):
    rows, length = interval.shape
    P = system.shape[1]
    for b in range(rows):
        x = state[b].copy()
        for t in range(length):
            d = interval[b, t]
            for p in range(P):
                lr, li, s = system[0, p], system[1, p], system[2, p]
                e = np.float32(lr * (d * s))
                # Whole turns leave in double precision, as in `seqrec.ops.discretize`.
                turns = li * s * d / (2 * math.pi)
                angle = np.float32((turns - math.floor(turns + 0.5)) * (2 * math.pi))
                magnitude = math.exp(e)
                half = math.sin(HALF * angle)
                cosine, sine = ONE - TWO * half * half, math.sin(angle)
                re = math.expm1(e) * cosine - TWO * half * half
                norm = np.float32(lr * lr + li * li)
                ar, ai = magnitude * cosine, magnitude * sine
                gr = (re * np.float32(lr) + ai * np.float32(li)) / norm
                gi = (ai * np.float32(lr) - re * np.float32(li)) / norm
                hold[b, t, 0, p], hold[b, t, 1, p] = ar, ai
                hold[b, t, 2, p], hold[b, t, 3, p] = gr, gi
                vr, vi = drive[b, t, p], drive[b, t, P + p]
                xr, xi = x[p], x[P + p]
                x[p] = ar * xr - ai * xi + gr * vr - gi * vi
                x[P + p] = ar * xi + ai * xr + gr * vi + gi * vr
            states[b, t] = x


@numba.njit(nogil=True, cache=True)
def _backward(
    system, drive, interval, state, states, hold, d_states, d_drive, d_interval, d_system, d_state
):
    rows, length = interval.shape
    P = system.shape[1]
    for b in range(rows):
        sums, carry = np.zeros((3, P), np.float64), np.zeros(2 * P, np.float32)
        for t in range(length - 1, -1, -1):
            d, to_interval = interval[b, t], 0.0
            before = states[b, t - 1] if t > 0 else state[b]
            for p in range(P):
                lr, li, s = system[0, p], system[1, p], system[2, p]
                ar, ai = hold[b, t, 0, p], hold[b, t, 1, p]
                hr, hi = hold[b, t, 2, p], hold[b, t, 3, p]
                g_re = d_states[b, t, p] + carry[p]
                g_im = d_states[b, t, P + p] + carry[P + p]
                d_drive[b, t, p] = hr * g_re + hi * g_im
                d_drive[b, t, P + p] = hr * g_im - hi * g_re
                xr, xi = before[p], before[P + p]
                vr, vi = drive[b, t, p], drive[b, t, P + p]
                # Gradients of decay and gain: g conj(x) and g conj(v).
                da_re, da_im = g_re * xr + g_im * xi, g_im * xr - g_re * xi
                dg_re, dg_im = g_re * vr + g_im * vi, g_im * vr - g_re * vi
                tau, norm = d * s, lr * lr + li * li
                # d gain / dΛ = (τ Λ̄ − gain) / Λ.
                wr, wi = tau * ar - hr, tau * ai - hi
                qr, qi = (wr * lr + wi * li) / norm, (wi * lr - wr * li) / norm
                sums[0, p] += tau * (ar * da_re + ai * da_im) + qr * dg_re + qi * dg_im
                sums[1, p] += tau * (ar * da_im - ai * da_re) + qr * dg_im - qi * dg_re
                # d decay / dτ = ΛΛ̄, d gain / dτ = Λ̄.
                lar, lai = lr * ar - li * ai, lr * ai + li * ar
                d_tau = lar * da_re + lai * da_im + ar * dg_re + ai * dg_im
                sums[2, p] += d * d_tau
                to_interval += s * d_tau
                carry[p], carry[P + p] = ar * g_re + ai * g_im, ar * g_im - ai * g_re
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
        system, drive, interval, state, states, hold = ctx.saved_tensors
        d_drive, d_interval, d_state = (torch.empty_like(x) for x in (drive, interval, state))
        d_system = drive.new_empty(len(drive), *system.shape)
        in_threads(
            _backward, system, drive, interval, state, states, hold,
            gradients[0].contiguous(), d_drive, d_interval, d_system, d_state,
        )  # fmt: skip
        return d_drive, d_interval, *d_system.sum(0), d_state


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence; the function of `seqrec.ops.linear_scan.naive.zoh_scan`.

    Float32 on a CPU is compiled; anything else takes the tensor version, `stepwise`.
    """
    if drive.device.type != "cpu" or drive.dtype != torch.float32:
        return stepwise.zoh_scan(drive, interval, lambda_re, lambda_im, step, state)
    start = drive.new_zeros(len(drive), drive.shape[-1]) if state is None else state
    states: Tensor = _ZohScan.apply(drive, interval.float(), lambda_re, lambda_im, step, start)
    return states, states[:, -1]

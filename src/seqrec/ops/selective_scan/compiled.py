"""The same on a processor, compiled by Numba: one pass each way over states in its cache.

A history's states, E × N, fit the first-level cache, so a step costs arithmetic and no memory
traffic, where a tensor library walks through all of them a dozen times. Histories are shared out
among threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.selective_scan import stepwise
from seqrec.ops.threads import in_threads

CHUNK = 16
# Sums may be reordered, so that they run in vectors; NaN and Inf keep their meaning.
MATHS = {"reassoc", "contract", "arcp", "nsz"}
LOG2_E = np.float32(1.4426950408889634)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)


@numba.njit(inline="always", fastmath=MATHS)
def _decays(s, row, n, scale, out):
    """Write exp(s · row), for exponents at or below 0, with Cephes' polynomial, in vectors."""
    bits = scale.view(np.int32)
    for k in range(n):
        x = max(s * row[k], np.float32(-87.0))
        whole = np.floor(x * LOG2_E + np.float32(0.5))
        r = x - whole * LN2_HIGH - whole * LN2_LOW
        p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
        p = p * r + np.float32(8.3334519073e-3)
        p = p * r + np.float32(4.1665795894e-2)
        p = p * r + np.float32(1.6666665459e-1)
        p = p * r + np.float32(5.0000001201e-1)
        out[k] = p * r * r + r + np.float32(1.0)
        bits[k] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    for k in range(n):
        out[k] *= scale[k]


@numba.njit(nogil=True, fastmath=MATHS, cache=True)
def _forward(A, u, s, B, C, state, y, last, kept):
    rows, length, E = u.shape
    N = A.shape[1]
    for b in range(rows):
        scale, decay = np.empty(N, np.float32), np.empty(N, np.float32)
        h = state[b].copy()
        for t in range(length):
            if t % CHUNK == 0:
                kept[b, t // CHUNK] = h
            into, out = B[b, t], C[b, t]
            for e in range(E):
                v, row = s[b, t, e] * u[b, t, e], h[e]
                _decays(s[b, t, e], A[e], N, scale, decay)
                total = np.float32(0.0)
                for k in range(N):
                    row[k] = decay[k] * row[k] + v * into[k]
                    total += row[k] * out[k]
                y[b, t, e] = total
        last[b] = h


@numba.njit(nogil=True, fastmath=MATHS, cache=True)
def _backward(A, u, s, B, C, kept, d_y, d_last, d_u, d_s, d_A, d_B, d_C, d_state):
    rows, length, E = u.shape
    N = A.shape[1]
    for b in range(rows):
        scale, sums = np.empty(N, np.float32), np.zeros((E, N), np.float32)
        states = np.empty((CHUNK + 1, E, N), np.float32)
        decays = np.empty((CHUNK, E, N), np.float32)
        G = d_last[b].copy()
        for chunk in range((length - 1) // CHUNK, -1, -1):
            begin = chunk * CHUNK
            end = min(begin + CHUNK, length)
            states[0] = kept[b, chunk]
            for t in range(begin, end):
                i, into = t - begin, B[b, t]
                for e in range(E):
                    v, decay = s[b, t, e] * u[b, t, e], decays[i, e]
                    before, after = states[i, e], states[i + 1, e]
                    _decays(s[b, t, e], A[e], N, scale, decay)
                    for k in range(N):
                        after[k] = decay[k] * before[k] + v * into[k]
            for t in range(end - 1, begin - 1, -1):
                i, into, out_of = t - begin, B[b, t], C[b, t]
                to_B, to_C = d_B[b, t], d_C[b, t]
                to_B[:] = 0.0
                to_C[:] = 0.0
                for e in range(E):
                    step, out = s[b, t, e], d_y[b, t, e]
                    v, a, decay, to_a, adjoint = (
                        step * u[b, t, e],
                        A[e],
                        decays[i, e],
                        sums[e],
                        G[e],
                    )
                    before, after = states[i, e], states[i + 1, e]
                    d_v, along = np.float32(0.0), np.float32(0.0)
                    for k in range(N):
                        g = adjoint[k] + out * out_of[k]
                        to_C[k] += out * after[k]
                        to_B[k] += g * v
                        d_v += g * into[k]
                        g *= decay[k]
                        through = g * before[k]
                        along += through * a[k]
                        to_a[k] += through * step
                        adjoint[k] = g
                    d_u[b, t, e] = d_v * step
                    d_s[b, t, e] = along + d_v * u[b, t, e]
        d_A[b] = sums
        d_state[b] = G


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        u, s, A, B, C, state = (x.detach().contiguous() for x in inputs)
        y, last = torch.empty_like(u), torch.empty_like(state)
        chunks = -(-u.shape[1] // CHUNK)
        kept = u.new_empty(len(u), chunks, *A.shape)
        in_threads(_forward, A, u, s, B, C, state, y, last, kept)
        ctx.save_for_backward(u, s, A, B, C, kept)
        return y, last

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        u, s, A, B, C, kept = ctx.saved_tensors
        d_y, d_last = (g.contiguous() for g in gradients)
        d_u, d_s, d_B, d_C = (torch.empty_like(x) for x in (u, s, B, C))
        d_A, d_state = torch.empty_like(d_last), torch.empty_like(d_last)
        in_threads(_backward, A, u, s, B, C, kept, d_y, d_last, d_u, d_s, d_A, d_B, d_C, d_state)
        return d_u, d_s, d_A.sum(0), d_B, d_C, d_state


def selective_scan(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a selective scan; the function of `seqrec.ops.selective_scan.naive.selective_scan`.

    Float32 on a CPU is compiled; anything else takes the tensor version, `stepwise`.
    """
    if u.device.type != "cpu" or u.dtype != torch.float32:
        return stepwise.selective_scan(u, dt, A, B, C, D, z, state)
    start = u.new_zeros(len(u), *A.shape) if state is None else state
    y, last = _SelectiveScan.apply(u, F.softplus(dt), A, B, C, start)
    return (y + D * u) * F.silu(z), last

"""One pass each way over states in a processor's cache, compiled by Numba.

A history's states, N × E, stay in the processor's cache, so a step costs arithmetic and no memory
traffic, where a tensor library walks through all of them a dozen times. The channels, E, are
innermost and run in vectors; the gate is applied on the way. Histories are shared out among
threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.packing import Packing
from seqrec.ops.powers import LN_2, LOG2_E, MATHS, exp2
from seqrec.ops.selective_scan import NO_STEP
from seqrec.ops.selective_scan import torch as by_torch
from seqrec.ops.threads import in_threads, serves

CHUNK = 16
_ONE = np.float32(1.0)
_LN_2 = np.float32(LN_2)
_LOG2_E = np.float32(LOG2_E)


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _forward(system, u, s, B, C, z, state, y, ungated, last, kept):
    rows, length, E = u.shape
    N = len(system) - 1
    D, v = system[N], np.empty(E, np.float32)
    for b in range(rows):
        h = state[b].copy()
        for t in range(length):
            if t % CHUNK == 0:
                kept[b, t // CHUNK] = h
            step, value, gate, out, gated = s[b, t], u[b, t], z[b, t], ungated[b, t], y[b, t]
            for e in range(E):
                v[e] = step[e] * value[e]
                out[e] = D[e] * value[e]
            for n in range(N):
                into, out_of, a, row = B[b, t, n], C[b, t, n], system[n], h[n]
                for e in range(E):
                    x = exp2(step[e] * a[e]) * row[e] + v[e] * into
                    row[e] = x
                    out[e] += x * out_of
            for e in range(E):
                gated[e] = out[e] * gate[e] / (_ONE + exp2(-gate[e] * _LOG2_E))
        last[b] = h


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _backward(
    system, u, s, B, C, z, ungated, kept, d_y, d_last, d_u, d_s, d_B, d_C, d_z, d_system, d_state
):
    rows, length, E = u.shape
    N = len(system) - 1
    D, scratch = system[N], np.empty((4, E), np.float32)
    v, d_v, along, d_out = scratch[0], scratch[1], scratch[2], scratch[3]
    states = np.empty((CHUNK + 1, N, E), np.float32)
    decays = np.empty((CHUNK, N, E), np.float32)
    for b in range(rows):
        sums, G = d_system[b], d_last[b].copy()
        sums[:] = 0.0
        to_D = sums[N]
        for chunk in range((length - 1) // CHUNK, -1, -1):
            begin = chunk * CHUNK
            end = min(begin + CHUNK, length)
            states[0] = kept[b, chunk]
            for t in range(begin, end):
                i, step, value = t - begin, s[b, t], u[b, t]
                for e in range(E):
                    v[e] = step[e] * value[e]
                for n in range(N):
                    into, a, decay = B[b, t, n], system[n], decays[i, n]
                    before, after = states[i, n], states[i + 1, n]
                    for e in range(E):
                        x = exp2(step[e] * a[e])
                        decay[e] = x
                        after[e] = x * before[e] + v[e] * into
            for t in range(end - 1, begin - 1, -1):
                i, step, value, gate = t - begin, s[b, t], u[b, t], z[b, t]
                out, d_gated, d_gate = ungated[b, t], d_y[b, t], d_z[b, t]
                for e in range(E):
                    open_ = _ONE / (_ONE + exp2(-gate[e] * _LOG2_E))
                    d_gate[e] = d_gated[e] * out[e] * open_ * (_ONE + gate[e] * (_ONE - open_))
                    d_out[e] = d_gated[e] * gate[e] * open_
                    to_D[e] += d_out[e] * value[e]
                    v[e] = step[e] * value[e]
                    d_v[e] = 0.0
                    along[e] = 0.0
                for n in range(N):
                    into, out_of, a, decay = B[b, t, n], C[b, t, n], system[n], decays[i, n]
                    before, after, adjoint, to_a = states[i, n], states[i + 1, n], G[n], sums[n]
                    to_B, to_C = np.float32(0.0), np.float32(0.0)
                    for e in range(E):
                        g = adjoint[e] + d_out[e] * out_of
                        to_C += d_out[e] * after[e]
                        to_B += g * v[e]
                        d_v[e] += g * into
                        g *= decay[e]
                        through = g * before[e]
                        along[e] += through * a[e]
                        to_a[e] += through * step[e]
                        adjoint[e] = g
                    d_B[b, t, n], d_C[b, t, n] = to_B, to_C
                to_u, to_s = d_u[b, t], d_s[b, t]
                for e in range(E):
                    to_u[e] = d_v[e] * step[e] + d_out[e] * D[e]
                    to_s[e] = d_v[e] * value[e] + along[e] * _LN_2
        d_state[b] = G


class _SelectiveScan(torch.autograd.Function):
    """States as (B, N, E); A and D as one table, N rows of A log₂e and one of D."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        u, s, A, B, C, D, z, state = (x.detach().contiguous() for x in inputs)
        system = torch.cat([A.T * LOG2_E, D[None]])
        start = state.transpose(1, 2).contiguous()
        y, ungated, last = (torch.empty_like(x) for x in (u, u, start))
        kept = u.new_empty(len(u), -(-u.shape[1] // CHUNK), *start.shape[1:])
        in_threads(_forward, system, u, s, B, C, z, start, y, ungated, last, kept)
        ctx.save_for_backward(system, u, s, B, C, z, ungated, kept)
        return y, last.transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        system, *kept = ctx.saved_tensors
        d_y = gradients[0].contiguous()
        d_last = gradients[1].transpose(1, 2).contiguous()
        d_u, d_s, d_B, d_C, d_z = (torch.empty_like(x) for x in kept[:5])
        d_system = d_y.new_empty(len(d_y), *system.shape)
        d_state = torch.empty_like(d_last)
        found = d_u, d_s, d_B, d_C, d_z, d_system, d_state
        in_threads(_backward, system, *kept, d_y, d_last, *found)
        d_A, d_D = d_system.sum(0).split([len(system) - 1, 1])
        return d_u, d_s, d_A.T, d_B, d_C, d_D[0], d_z, d_state.transpose(1, 2)


def selective_scan(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence of `SelectiveScan`; packed histories are padded for it.

    Anything but float32 on a CPU takes the version of `torch`.
    """
    if not serves(u):
        return by_torch.selective_scan(u, dt, A, B, C, D, z, state, packing)
    if packing is not None:
        v, b, c, gate = (packing.to_dense(x) for x in (u, B, C, z))
        padded = packing.to_dense(dt, NO_STEP)
        outputs, last = selective_scan(v, padded, A, b, c, D, gate, state)
        return packing.to_packed(outputs), last
    start = u.new_zeros(len(u), *A.shape) if state is None else state
    y, last = _SelectiveScan.apply(u, F.softplus(dt), A, B, C, D, z, start)
    return y, last

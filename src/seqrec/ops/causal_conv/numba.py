"""Convolution and SiLU in one pass each way, compiled by Numba for a processor.

The channels, E, are innermost and run in vectors; histories are shared out among threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from seqrec.ops.causal_conv import refuse_state
from seqrec.ops.causal_conv import torch as by_torch
from seqrec.ops.packing import Packing
from seqrec.ops.powers import LOG2_E, MATHS, exp2
from seqrec.ops.threads import in_threads, serves

_ONE = np.float32(1.0)
_LOG2_E = np.float32(LOG2_E)


@numba.njit(inline="always", fastmath=MATHS)
def _convolve(filter_, past, x, total):
    """Write bias + Σ_j weight_j x_(t−W+1+j) of one history; inputs before the first are `past`."""
    width = len(filter_) - 1
    total[:] = filter_[width]
    for j in range(width):
        tap, shift = filter_[j], min(width - 1 - j, len(x))
        for t in range(shift):
            out, value = total[t], past[t + j]
            for e in range(len(tap)):
                out[e] += tap[e] * value[e]
        for t in range(shift, len(x)):
            out, value = total[t], x[t - shift]
            for e in range(len(tap)):
                out[e] += tap[e] * value[e]


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _forward(filter_, past, x, y):
    for b in range(len(x)):
        _convolve(filter_, past[b], x[b], y[b])
        for t in range(x.shape[1]):
            out = y[b, t]
            for e in range(len(out)):
                out[e] = out[e] / (_ONE + exp2(-out[e] * _LOG2_E))


@numba.njit(nogil=True, fastmath=MATHS, error_model="numpy", cache=True)
def _backward(filter_, past, x, d_y, d_past, d_x, d_filter):
    rows, length, E = x.shape
    width, g = len(filter_) - 1, np.empty((length, E), np.float32)
    for b in range(rows):
        d_filter[b] = 0.0
        d_past[b] = 0.0
        d_x[b] = 0.0
        _convolve(filter_, past[b], x[b], g)
        to_bias = d_filter[b, width]
        for t in range(length):
            total, d_out = g[t], d_y[b, t]
            for e in range(E):
                open_ = _ONE / (_ONE + exp2(-total[e] * _LOG2_E))
                total[e] = d_out[e] * open_ * (_ONE + total[e] * (_ONE - open_))
                to_bias[e] += total[e]
        for j in range(width):
            tap, to_tap, shift = filter_[j], d_filter[b, j], min(width - 1 - j, length)
            for t in range(shift):
                _share(g[t], tap, past[b, t + j], to_tap, d_past[b, t + j])
            for t in range(shift, length):
                _share(g[t], tap, x[b, t - shift], to_tap, d_x[b, t - shift])


@numba.njit(inline="always", fastmath=MATHS)
def _share(g, tap, value, to_tap, to_value):
    for e in range(len(g)):
        to_value[e] += g[e] * tap[e]
        to_tap[e] += g[e] * value[e]


class _CausalConv(torch.autograd.Function):
    """Weight and bias as one table: W rows of taps and one of the bias, (W + 1, E)."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        x, weight, bias, state = (tensor.detach().contiguous() for tensor in inputs)
        filter_ = torch.cat([weight.T, bias[None]])
        y = torch.empty_like(x)
        in_threads(_forward, filter_, state, x, y)
        ctx.save_for_backward(filter_, state, x)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        filter_, state, x = ctx.saved_tensors
        d_state = torch.empty_like(state)
        d_x = torch.empty_like(x)
        d_filter = x.new_empty(len(x), *filter_.shape)
        in_threads(_backward, filter_, state, x, gradients[0].contiguous(), d_state, d_x, d_filter)
        d_weight, d_bias = d_filter.sum(0).split([len(filter_) - 1, 1])
        return d_x, d_weight.T, d_bias[0], d_state


def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Convolve as `CausalConv` says; packed histories are padded for it.

    Anything but float32 on a CPU takes the version of `torch`.
    """
    if not serves(x):
        return by_torch.causal_conv(x, weight, bias, state, packing)
    if packing is not None:
        refuse_state(state)
        outputs, _ = causal_conv(packing.to_dense(x), weight, bias)
        return packing.to_packed(outputs), None
    width = weight.shape[1] - 1
    past = x.new_zeros(len(x), width, x.shape[2]) if state is None else state
    y: Tensor = _CausalConv.apply(x, weight, bias, past)
    recent = x[:, max(0, x.shape[1] - width) :]
    return y, torch.cat([past, recent], dim=1)[:, recent.shape[1] :]

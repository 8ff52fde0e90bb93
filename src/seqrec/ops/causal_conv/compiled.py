"""The same on a processor, compiled by Numba: convolution and SiLU in one pass each way.

The channels, E, are innermost and run in vectors; histories are shared out among threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from seqrec.ops.causal_conv import library
from seqrec.ops.powers import LOG2_E, MATHS, exp2
from seqrec.ops.threads import in_threads

_ONE, _LOG2_E = np.float32(1.0), np.float32(LOG2_E)


@numba.njit(inline="always", fastmath=MATHS)
def _row(past, x, t):
    """Return the input at a time; those before the first are in `past`."""
    return x[t] if t >= 0 else past[t + len(past)]


@numba.njit(inline="always", fastmath=MATHS)
def _convolve(filter_, past, x, t, total):
    """Write bias + Σ_j weight_j x_(t−W+1+j)."""
    width, E = len(filter_) - 1, len(total)
    bias = filter_[width]
    for e in range(E):
        total[e] = bias[e]
    for j in range(width):
        tap, value = filter_[j], _row(past, x, t - width + 1 + j)
        for e in range(E):
            total[e] += tap[e] * value[e]


@numba.njit(nogil=True, fastmath=MATHS, cache=True)
def _forward(filter_, past, x, y):
    rows, length, E = x.shape
    total = np.empty(E, np.float32)
    for b in range(rows):
        for t in range(length):
            _convolve(filter_, past[b], x[b], t, total)
            out = y[b, t]
            for e in range(E):
                out[e] = total[e] / (_ONE + exp2(-total[e] * _LOG2_E))


@numba.njit(nogil=True, fastmath=MATHS, cache=True)
def _backward(filter_, past, x, d_y, d_past, d_x, d_filter):
    rows, length, E = x.shape
    width, total, g = len(filter_) - 1, np.empty(E, np.float32), np.empty(E, np.float32)
    for b in range(rows):
        d_filter[b] = 0.0
        d_past[b] = 0.0
        d_x[b] = 0.0
        to_bias = d_filter[b, width]
        for t in range(length):
            _convolve(filter_, past[b], x[b], t, total)
            d_out = d_y[b, t]
            for e in range(E):
                open_ = _ONE / (_ONE + exp2(-total[e] * _LOG2_E))
                g[e] = d_out[e] * open_ * (_ONE + total[e] * (_ONE - open_))
                to_bias[e] += g[e]
            for j in range(width):
                at = t - width + 1 + j
                tap, to_tap = filter_[j], d_filter[b, j]
                value, to_value = _row(past[b], x[b], at), _row(d_past[b], d_x[b], at)
                for e in range(E):
                    to_value[e] += g[e] * tap[e]
                    to_tap[e] += g[e] * value[e]


class _CausalConv(torch.autograd.Function):
    """Weight and bias as one table: W rows of taps and one of the bias, (W + 1, E)."""

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        x, weight, bias, state = (tensor.detach().contiguous() for tensor in inputs)
        filter_, y = torch.cat([weight.T, bias[None]]), torch.empty_like(x)
        in_threads(_forward, filter_, state, x, y)
        ctx.save_for_backward(filter_, state, x)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        filter_, state, x = ctx.saved_tensors
        d_state, d_x = torch.empty_like(state), torch.empty_like(x)
        d_filter = x.new_empty(len(x), *filter_.shape)
        in_threads(_backward, filter_, state, x, gradients[0].contiguous(), d_state, d_x, d_filter)
        d_weight, d_bias = d_filter.sum(0).split([len(filter_) - 1, 1])
        return d_x, d_weight.T, d_bias[0], d_state


def causal_conv(
    x: Tensor, weight: Tensor, bias: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Convolve; the function of `seqrec.ops.causal_conv.naive.causal_conv`.

    Float32 on a CPU is compiled; anything else takes torch's own convolution, `library`.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return library.causal_conv(x, weight, bias, state)
    width = weight.shape[1] - 1
    past = x.new_zeros(len(x), width, x.shape[2]) if state is None else state
    y: Tensor = _CausalConv.apply(x, weight, bias, past)
    recent = x[:, max(0, x.shape[1] - width) :]
    return y, torch.cat([past, recent], dim=1)[:, recent.shape[1] :]

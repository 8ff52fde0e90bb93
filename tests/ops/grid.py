"""Inputs for the ops, the law's answers, and how far apart two answers are."""

from __future__ import annotations

from functools import cache

import torch

from seqrec.ops.causal_conv import naive as conv_law
from seqrec.ops.selective_scan import naive as selective_law
from seqrec.ops.zoh_scan import naive as scan_law

LAW = {
    "zoh_scan": scan_law.zoh_scan,
    "selective_scan": selective_law.selective_scan,
    "causal_conv": conv_law.causal_conv,
}
# Which inputs are sequences: the others are parameters and states, and stay in float32.
SEQUENCES = {
    "zoh_scan": (0,),
    "selective_scan": (0, 1, 3, 4, 6),
    "causal_conv": (0,),
}


@cache
def inputs_of(op, batch, length, width, d_state):
    """Random inputs in float32: ties (Δ = 0) and gaps of 10⁹ s among them."""
    torch.manual_seed(length + width)
    if op == "zoh_scan":
        interval = torch.rand(batch, length) * 100
        interval[:, ::3] = 0.0
        interval[:, 4::9] = 1e9
        step = torch.rand(d_state) * 0.099 + 0.001
        frequency = torch.linspace(-300, 300, d_state)
        return (
            torch.randn(batch, length, 2 * d_state), interval, -torch.rand(d_state) - 0.01,
            frequency, step, torch.randn(batch, 2 * d_state),
        )  # fmt: skip
    if op == "selective_scan":
        A = -torch.arange(1.0, d_state + 1).repeat(width, 1) * (0.5 + torch.rand(width, 1))
        dt = torch.randn(batch, length, width) * 2 - 2
        dt[:, ::11] = 25.0  # softplus is linear there, and the state is wiped
        u, z = torch.randn(batch, length, width), torch.randn(batch, length, width)
        B, C = torch.randn(batch, length, d_state), torch.randn(batch, length, d_state)
        return u, dt, A, B, C, torch.randn(width), z, torch.randn(batch, width, d_state)
    taps, past = torch.randn(width, 4), torch.randn(batch, 3, width)
    return torch.randn(batch, length, width), taps, torch.randn(width), past


def rounded(op, inputs, dtype):
    """Sequences rounded to `dtype`, parameters left alone."""
    return [x.to(dtype) if i in SEQUENCES[op] else x for i, x in enumerate(inputs)]


def answers(fn, inputs, through_last=True):
    """Output, last state and every gradient, for a loss that weighs each output differently."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    y, last = fn(*leaves)
    weight = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
    loss = (y.double() * weight.to(y.device)).sum()
    (loss + (last.double() ** 2).sum() * through_last).backward()
    return [x.detach().double().cpu() for x in (y, last, *(leaf.grad for leaf in leaves))]


@cache
def law_answers(op, batch, length, width, d_state, dtype, through_last):
    inputs = rounded(op, inputs_of(op, batch, length, width, d_state), dtype)
    return answers(LAW[op], [x.double() for x in inputs], through_last)


def relative_error(ours, law):
    """‖ours − law‖ / ‖law‖; an answer that is all zero must be met exactly."""
    scale = law.norm()
    return float((ours - law).norm() / scale) if scale > 0 else float(ours.abs().max())

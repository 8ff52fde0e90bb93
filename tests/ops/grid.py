"""Inputs for the ops, the reference's answers, and how far apart two answers are."""

from __future__ import annotations

from functools import cache

import torch

from seqrec.ops.causal_conv import naive as causal_conv
from seqrec.ops.packing import Packing
from seqrec.ops.selective_scan import naive as selective_scan
from seqrec.ops.zoh_scan import naive as zoh_scan

REFERENCE = {
    "zoh_scan": zoh_scan.zoh_scan,
    "selective_scan": selective_scan.selective_scan,
    "causal_conv": causal_conv.causal_conv,
}
# Which inputs are sequences: the others are parameters and states, and stay in float32.
SEQUENCES = {
    "zoh_scan": (0,),
    "selective_scan": (0, 1, 3, 4, 6),
    "causal_conv": (0,),
}
# Which inputs have an entry for each event: S5's intervals too.
EVENTS = {**SEQUENCES, "zoh_scan": (0, 1)}


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
        drive = torch.randn(batch, length, 2 * d_state)
        rate = -torch.rand(d_state) - 0.01
        return drive, interval, rate, frequency, step, torch.randn(batch, 2 * d_state)
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


def cut(op, inputs, rows, steps):
    """Some rows and steps of the inputs that have events, the others as they are."""
    return [x[rows, steps] if i in EVENTS[op] else x for i, x in enumerate(inputs)]


def packed(op, inputs, lengths):
    """The first steps of each row, one row after the other, and where they lie.

    The convolution has no initial state when packed: its own is left out.
    """
    inside = torch.arange(inputs[0].shape[1]) < torch.tensor(lengths)[:, None]
    flat = [x[inside] if i in EVENTS[op] else x for i, x in enumerate(inputs)]
    kept = flat[:-1] if op == "causal_conv" else flat
    return kept, Packing.of_lengths(torch.tensor(lengths), max(lengths))


def answers(fn, inputs, through_last=True, **options):
    """Output, last state and every gradient, for a loss that weighs each output differently."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    y, last = fn(*leaves, **options)
    last = y.new_zeros(0) if last is None else last
    weight = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
    loss = (y.double() * weight.to(y.device)).sum()
    (loss + (last.double() ** 2).sum() * through_last).backward()
    return [x.detach().double().cpu() for x in (y, last, *(leaf.grad for leaf in leaves))]


@cache
def reference_answers(op, batch, length, width, d_state, dtype, through_last):
    inputs = rounded(op, inputs_of(op, batch, length, width, d_state), dtype)
    return answers(REFERENCE[op], [x.double() for x in inputs], through_last)


def relative_error(ours, reference):
    """‖ours − reference‖ / ‖reference‖; an answer that is all zero must be met exactly."""
    scale = reference.norm()
    error = (ours - reference).norm()
    return float(error / scale) if scale > 0 else float(error)

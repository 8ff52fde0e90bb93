"""The recurrence as one operator of a program: no loop of Python's, no complex numbers.

`torch.export` keeps `scan` for histories of any length, and ONNX has an operator for it. ONNX has
no complex numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from seqrec.ops.discretize import turn
from seqrec.ops.packing import Packing

Pair = tuple[Tensor, Tensor]
"""Real and imaginary part."""


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence of `ZohScan` on a dense batch.

    Raises:
        ValueError: Histories are packed.
    """
    if packing is not None:
        raise ValueError("a program takes dense batches")
    decay, gain = _zoh((lambda_re, lambda_im), interval.T, step)
    re, im = drive.transpose(0, 1).chunk(2, dim=-1)
    driven = (gain[0] * re - gain[1] * im, gain[0] * im + gain[1] * re)
    zero = torch.zeros_like(driven[0][0])
    start = (zero, zero.clone()) if state is None else state.chunk(2, dim=-1)
    begun = (start[0].clone(), start[1].clone())
    last, states = scan(_step, begun, (*decay, *driven), dim=0)
    pairs = torch.cat(states, dim=-1).transpose(0, 1)
    return pairs, torch.cat(last, dim=-1)


def _step(before: Pair, now: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Pair, Pair]:
    """x_k = decay_k x_(k−1) + drive_k."""
    re, im = before
    decay_re, decay_im, drive_re, drive_im = now
    after_re = decay_re * re - decay_im * im + drive_re
    after_im = decay_re * im + decay_im * re + drive_im
    return (after_re, after_im), (after_re.clone(), after_im.clone())


def _zoh(eigenvalues: Pair, interval: Tensor, step: Tensor) -> tuple[Pair, Pair]:
    """Discretise as `seqrec.ops.discretize.zoh` does, in real numbers."""
    re, im = eigenvalues
    exponent = re * (interval[..., None] * step)
    angle = turn(im, interval, step)
    magnitude = torch.exp(exponent)
    sine = torch.sin(angle)
    cosine = torch.cos(angle)
    # exp(x) − 1 without cancellation: ONNX has no operator of its own for it.
    half = torch.tanh(exponent / 2)
    less_one = 2 * half / (1 - half)
    short = less_one * cosine - 2 * torch.sin(angle / 2) ** 2
    above_re = torch.where(exponent > -0.25, short, magnitude * cosine - 1)
    above_im = magnitude * sine
    square = re * re + im * im
    gain = (above_re * re + above_im * im) / square, (above_im * re - above_re * im) / square
    return (magnitude * cosine, magnitude * sine), gain

"""A loop with its gradient written out: no graph of L nodes, one pass each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqrec.ops.discretize import zoh
from seqrec.ops.packing import Packing


class _LinearScan(torch.autograd.Function):
    """x_k = decay_k x_(k−1) + drive_k, complex, time first.

    With g_k the gradient that reaches x_k from the output and from x_(k+1):
    g_k = ḡ_k + conj(decay_(k+1)) g_(k+1);  d drive_k = g_k;  d decay_k = g_k conj(x_(k−1)).
    """

    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor, state: Tensor) -> Tensor:
        states = torch.empty_like(drive)
        previous = state
        for k in range(len(drive)):
            previous = torch.addcmul(drive[k], decay[k], previous, out=states[k])
        ctx.save_for_backward(decay, states, state)
        return states

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, states, state = ctx.saved_tensors
        factor = decay.conj().resolve_conj()
        adjoint = outputs[0].clone()
        for k in range(len(adjoint) - 2, -1, -1):
            adjoint[k].addcmul_(factor[k + 1], adjoint[k + 1])
        previous = torch.cat([state[None], states[:-1]]).conj()
        return adjoint * previous, adjoint, factor[0] * adjoint[0]


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence of `ZohScan`; packed histories are padded for it."""
    if packing is not None:
        # Padding is held for 0 s and leaves the state as it is.
        padded = packing.to_dense(drive)
        held = packing.to_dense(interval)
        outputs, last = zoh_scan(padded, held, lambda_re, lambda_im, step, state)
        return packing.to_packed(outputs), last
    # Time first: every step reads and writes one contiguous slab.
    decay, gain = zoh(torch.complex(lambda_re, lambda_im), interval.T, step)
    v = gain * torch.complex(*drive.transpose(0, 1).chunk(2, dim=-1))
    start = torch.zeros_like(v[0]) if state is None else torch.complex(*state.chunk(2, dim=-1))
    states: Tensor = _LinearScan.apply(decay, v, start)  # type: ignore[no-untyped-call]
    pairs = torch.cat([states.real, states.imag], dim=-1).transpose(0, 1)
    return pairs, pairs[:, -1]

"""The same loop with its gradient written out: no graph of L nodes, one pass each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _LinearScan(torch.autograd.Function):
    """Forward in time for the states, backward in time for the adjoint.

    With g_k the gradient that reaches x_k from the output and from x_(k+1):
    g_k = ḡ_k + conj(decay_(k+1)) g_(k+1);  d drive_k = g_k;  d decay_k = g_k conj(x_(k−1)).
    """

    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor, state: Tensor) -> Tensor:
        # Time first: every step reads and writes one contiguous slab.
        decay, drive = decay.transpose(0, 1).contiguous(), drive.transpose(0, 1)
        states = torch.empty(drive.shape, dtype=drive.dtype, device=drive.device)
        previous = state
        for k in range(drive.shape[0]):
            previous = torch.addcmul(drive[k], decay[k], previous, out=states[k])
        ctx.save_for_backward(decay, states, state)
        return states.transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, states, state = ctx.saved_tensors
        factor = decay.conj().resolve_conj()
        adjoint = outputs[0].transpose(0, 1).contiguous()
        if adjoint.data_ptr() == outputs[0].data_ptr():
            adjoint = adjoint.clone()
        for k in range(len(adjoint) - 2, -1, -1):
            adjoint[k].addcmul_(factor[k + 1], adjoint[k + 1])
        previous = torch.cat([state[None], states[:-1]]).conj()
        d_state = factor[0] * adjoint[0]
        return (adjoint * previous).transpose(0, 1), adjoint.transpose(0, 1), d_state


def linear_scan(
    decay: Tensor, drive: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run x_k = decay_k · x_(k−1) + drive_k; see `linear_scan_naive`, the same function.

    Args:
        decay: Per step, complex or real, (B, L, P).
        drive: Per step,                  (B, L, P).
        state: x before the first step,   (B, P); zero if None.

    Returns:
        states: x_1 … x_L,     (B, L, P).
        last:   x_L,           (B, P).
    """
    start = torch.zeros_like(drive[:, 0]) if state is None else state
    states: Tensor = _LinearScan.apply(decay, drive, start)  # type: ignore[no-untyped-call]
    return states, states[:, -1]

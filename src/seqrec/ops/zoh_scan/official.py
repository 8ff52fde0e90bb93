"""S5's recurrence by `s5-pytorch`'s associative scan."""

from __future__ import annotations

import torch
from torch import Tensor

from seqrec.ops.discretize import zoh
from seqrec.ops.packing import Packing


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
    from s5.jax_compat import associative_scan
    from s5.s5_model import binary_operator

    if packing is not None:
        # Padding is held for 0 s and leaves the state as it is.
        padded = packing.to_dense(drive)
        held = packing.to_dense(interval)
        outputs, last = zoh_scan(padded, held, lambda_re, lambda_im, step, state)
        return packing.to_packed(outputs), last
    decay, gain = zoh(torch.complex(lambda_re, lambda_im), interval, step)
    v = gain * torch.complex(*drive.float().chunk(2, dim=-1))
    if state is not None:
        first = v[:, :1] + decay[:, :1] * torch.complex(*state.float().chunk(2, dim=-1))[:, None]
        v = torch.cat([first, v[:, 1:]], dim=1)
    _, states = associative_scan(binary_operator, (decay, v), axis=1)
    pairs = torch.cat([states.real, states.imag], dim=-1)
    return pairs, pairs[:, -1]

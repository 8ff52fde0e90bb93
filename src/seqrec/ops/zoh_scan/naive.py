"""Reference implementation: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
from torch import Tensor

from seqrec.ops.discretize import zoh
from seqrec.ops.packing import Packing, join


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the S5 recurrence of `ZohScan` step by step, packed histories one by one."""
    if packing is not None:
        return join(
            zoh_scan(drive[None, own], interval[None, own], lambda_re, lambda_im, step, start)
            for own, start in packing.histories(state)
        )
    decay, gain = zoh(torch.complex(lambda_re, lambda_im), interval, step)
    v = gain * _complex(drive)
    x = v.new_zeros(len(v), v.shape[-1]) if state is None else _complex(state)
    states = []
    for k in range(v.shape[1]):
        x = decay[:, k] * x + v[:, k]
        states.append(x)
    return _pairs(torch.stack(states, dim=1) if states else v), _pairs(x)


def _complex(pairs: Tensor) -> Tensor:
    return torch.complex(*pairs.chunk(2, dim=-1))


def _pairs(values: Tensor) -> Tensor:
    return torch.cat([values.real, values.imag], dim=-1)

"""Reference implementation: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.packing import Packing, join


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
    """Run the recurrence of `SelectiveScan` step by step, packed histories one by one."""
    if packing is not None:
        return join(
            selective_scan(
                u[None, own], dt[None, own], A, B[None, own], C[None, own], D, z[None, own], start
            )
            for own, start in packing.histories(state)
        )
    s = F.softplus(dt)
    h = u.new_zeros(u.shape[0], *A.shape) if state is None else state
    outputs = []
    for k in range(u.shape[1]):
        decay = torch.exp(s[:, k, :, None] * A)
        h = decay * h + (s[:, k] * u[:, k])[..., None] * B[:, k, None, :]
        outputs.append((h * C[:, k, None, :]).sum(-1))
    y = torch.stack(outputs, dim=1) if outputs else u
    return (y + D * u) * F.silu(z), h

"""Mamba's recurrence by `mamba_ssm`'s CUDA kernel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.packing import Packing
from seqrec.ops.selective_scan import NO_STEP


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
    """Run the recurrence of `SelectiveScan`; packed histories are padded for it.

    The kernel starts from zero; an initial state is added afterwards, which a linear recurrence
    allows: h_k gains exp(A Σ s) h_0. It gives no gradient through the last state.
    """
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    if packing is not None:
        v, b, c, gate = (packing.to_dense(x) for x in (u, B, C, z))
        padded = packing.to_dense(dt, NO_STEP)
        outputs, last = selective_scan(v, padded, A, b, c, D, gate, state)
        return packing.to_packed(outputs), last
    u_, dt_, B_, C_, z_ = (x.transpose(1, 2).contiguous() for x in (u, dt, B, C, z))
    y, last = selective_scan_fn(
        u_, dt_, A.float(), B_, C_, D.float(), z_, delta_softplus=True, return_last_state=True
    )
    y = y.transpose(1, 2)
    if state is None:
        return y, last
    faded = torch.exp(F.softplus(dt.float()).cumsum(1)[..., None] * A) * state[:, None]
    more = torch.einsum("blen,bln->ble", faded, C.float()) * F.silu(z.float())
    return y + more.to(y.dtype), last + faded[:, -1]

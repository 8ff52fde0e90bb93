"""A loop with its gradient written out and its states recomputed in chunks.

A step's states, (B, E, N), fit a processor's cache while all L of them fill its memory: the
forward pass keeps every `CHUNK`-th, the backward pass rebuilds a chunk at a time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.packing import Packing
from seqrec.ops.selective_scan import NO_STEP

CHUNK = 16


class _SelectiveScan(torch.autograd.Function):
    """All tensors time first.

    With G_k the gradient that reaches h_k, a_k = exp(dt_k A) and v_k = dt_k u_k:
    G_k = ȳ_k C_kᵀ + a_(k+1) G_(k+1);
    dC_k = Σ_e ȳ_k h_k;  dB_k = Σ_e G_k v_k;  dv_k = Σ_n G_k B_k;
    with S_k = G_k a_k h_(k−1):  d dt_k = Σ_n S_k A + u_k dv_k;  dA = Σ_k S_k dt_k.
    """

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        drive = u * dt
        h = state.clone()
        y = torch.empty_like(u)
        decay = torch.empty_like(h)
        kept = []
        for k in range(len(u)):
            if k % CHUNK == 0:
                kept.append(h.clone())
            torch.mul(dt[k][:, :, None], A, out=decay)
            h.mul_(decay.exp_()).add_(torch.mul(drive[k][:, :, None], B[k][:, None, :], out=decay))
            torch.bmm(h, C[k][:, :, None], out=y[k][:, :, None])
        ctx.save_for_backward(u, dt, A, B, C, *kept)
        return y, h

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, ...]:
        u, dt, A, B, C, *kept = ctx.saved_tensors
        d_y = outputs[0].contiguous()
        G = outputs[1].clone()
        drive = u * dt
        d_drive, d_dt, d_B, d_C = (torch.empty_like(x) for x in (u, u, B, C))
        d_A = torch.zeros_like(A)
        for chunk in range(len(kept) - 1, -1, -1):
            now = slice(chunk * CHUNK, min((chunk + 1) * CHUNK, len(u)))
            decays, states = _replay(dt[now], A, B[now], drive[now], kept[chunk])
            adjoints = _outer(d_y[now], C[now])
            for k in range(len(adjoints) - 1, -1, -1):
                G = torch.mul(adjoints[k].add_(G), decays[k], out=G)
            d_C[now] = torch.matmul(d_y[now][:, :, None, :], states[1:])[:, :, 0]
            d_B[now] = torch.matmul(drive[now][:, :, None, :], adjoints)[:, :, 0]
            d_drive[now] = torch.matmul(adjoints, B[now][..., None])[..., 0]
            S = adjoints.mul_(decays).mul_(states[:-1])
            d_dt[now] = (S * A).sum(-1)
            d_A += S.mul_(dt[now][..., None]).sum((0, 1))
        return d_drive * dt, d_dt + d_drive * u, d_A, d_B, d_C, G


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Return the outer product over the last axes, (..., E) × (..., N) → (..., E, N)."""
    return left[..., :, None] * right[..., None, :]


def _replay(
    dt: Tensor, A: Tensor, B: Tensor, drive: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Rebuild a chunk's decays (T, B, E, N) and states, before and after (T + 1, B, E, N)."""
    decays = torch.exp_(dt[..., None] * A)
    states = start.new_empty(len(dt) + 1, *start.shape)
    states[0] = start
    torch.mul(drive[..., :, None], B[..., None, :], out=states[1:])
    for k in range(len(dt)):
        states[k + 1].addcmul_(decays[k], states[k])
    return decays, states


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
    """Run the recurrence of `SelectiveScan`; packed histories are padded for it."""
    if packing is not None:
        v, b, c, gate = (packing.to_dense(x) for x in (u, B, C, z))
        padded = packing.to_dense(dt, NO_STEP)
        outputs, last = selective_scan(v, padded, A, b, c, D, gate, state)
        return packing.to_packed(outputs), last
    start = u.new_zeros(u.shape[0], *A.shape) if state is None else state
    v, s, b, c = (x.transpose(0, 1).contiguous() for x in (u, F.softplus(dt), B, C))
    y, last = _SelectiveScan.apply(v, s, A, b, c, start)  # type: ignore[no-untyped-call]
    return (y.transpose(0, 1) + D * u) * F.silu(z), last

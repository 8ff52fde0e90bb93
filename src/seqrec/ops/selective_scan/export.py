"""The recurrence as one operator of a program, which `torch.export` and ONNX both have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._higher_order_ops.scan import scan

from seqrec.ops.packing import Packing


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
    """Run the recurrence of `SelectiveScan` on a dense batch.

    Raises:
        ValueError: Histories are packed.
    """
    if packing is not None:
        raise ValueError("a program takes dense batches")

    def step(h: Tensor, now: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """h_k = exp(dt_k A) h_(k−1) + dt_k u_k B_k;  y_k = C_k h_k."""
        v, s, b, c = now
        after = torch.exp(s[..., None] * A) * h + (v * s)[..., None] * b[:, None, :]
        return after, (after * c[:, None, :]).sum(-1)

    start = u.new_zeros(u.shape[0], *A.shape) if state is None else state.clone()
    xs = tuple(x.transpose(0, 1) for x in (u, F.softplus(dt), B, C))
    last, y = scan(step, start, xs, dim=0)
    return (y.transpose(0, 1) + D * u) * F.silu(z), last

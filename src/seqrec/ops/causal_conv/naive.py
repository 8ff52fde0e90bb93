"""Reference implementation: a sum of shifted inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.causal_conv import refuse_state
from seqrec.ops.packing import Packing


def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Convolve as `CausalConv` says, packed histories one by one."""
    if packing is not None:
        refuse_state(state)
        alone = [causal_conv(x[None, own], weight, bias) for own, _ in packing.histories()]
        return torch.cat([y for y, _ in alone], dim=1)[0], None
    length = x.shape[1]
    width = weight.shape[1]
    past = with_past(x, width, state)
    taps = [past[:, j : j + length] * weight[:, j] for j in range(width)]
    return F.silu(sum(taps, start=torch.zeros_like(x)) + bias), past[:, length:]


def with_past(x: Tensor, width: int, state: Tensor | None) -> Tensor:
    """Put the W − 1 earlier inputs before x, (B, W − 1 + L, E)."""
    past = x.new_zeros(x.shape[0], width - 1, x.shape[2]) if state is None else state
    return torch.cat([past, x], dim=1)

"""The convolution by torch's own."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from seqrec.ops.causal_conv import refuse_state
from seqrec.ops.causal_conv.naive import with_past
from seqrec.ops.packing import Packing


def causal_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Convolve as `CausalConv` says; packed histories are padded for it."""
    if packing is not None:
        refuse_state(state)
        outputs, _ = causal_conv(packing.to_dense(x), weight, bias)
        return packing.to_packed(outputs), None
    past = with_past(x, weight.shape[1], state)
    y = F.conv1d(past.transpose(1, 2), weight[:, None], bias, groups=len(weight))
    return F.silu(y).transpose(1, 2), past[:, x.shape[1] :]

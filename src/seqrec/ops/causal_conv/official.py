"""The convolution by `causal_conv1d`'s CUDA kernel."""

from __future__ import annotations

import torch
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
    from causal_conv1d import causal_conv1d_fn

    if packing is not None:
        refuse_state(state)
        outputs, _ = causal_conv(packing.to_dense(x), weight, bias)
        return packing.to_packed(outputs), None
    past = with_past(x, weight.shape[1], state)
    whole = x if state is None else past
    channels_first = whole.transpose(1, 2)
    if weight.shape[0] % 8:
        # The kernel's channels-last layout wants multiples of 8; of a single step, only a copy
        # has other strides.
        channels_first = channels_first.clone(memory_format=torch.contiguous_format)
    y = causal_conv1d_fn(channels_first, weight, bias, activation="silu").transpose(1, 2)
    return y[:, -x.shape[1] :], past[:, x.shape[1] :]

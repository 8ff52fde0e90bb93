"""Casting as autocast does."""

from __future__ import annotations

import torch
from torch import Tensor


def as_autocast(*operands: Tensor) -> tuple[Tensor, ...]:
    """Cast as autocast casts the operands of a product; unchanged without it.

    What enters several products is cast once, and the gradients that come back are added before
    they are cast.
    """
    kind = operands[0].device.type
    if not torch.is_autocast_enabled(kind):
        return operands
    cast = torch.get_autocast_dtype(kind)
    return tuple(operand.to(cast) for operand in operands)

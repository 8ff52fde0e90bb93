"""An embedding of few rows whose gradient is a product of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SmallEmbedding(nn.Embedding):
    """`nn.Embedding` for tables of some hundred rows and many ids.

    torch sorts the ids to add up the gradients of each row, a dozen kernels for every table. Where
    there are few rows the sum is one product, onehot(ids)ᵀ · gradient, and has no order that
    depends on threads. On a CPU torch's own is faster and is used.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Look ids up, (...), giving (..., D)."""
        if not self.weight.is_cuda:
            return super().forward(input)
        return look_up(self.weight, input)


def look_up(table: Tensor, ids: Tensor) -> Tensor:
    """Take rows of a table; their gradients are added up by one product.

    Args:
        table: (R, D).
        ids:   Rows, whole numbers, (...).

    Returns:
        (..., D).
    """
    apply: Callable[..., Tensor] = _Lookup.apply
    return apply(table, ids)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        table, ids = inputs
        ctx.save_for_backward(ids)
        ctx.n_rows = len(table)
        return F.embedding(ids, table)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        (gradient,) = gradients
        flat = gradient.flatten(0, -2)
        rows = torch.arange(ctx.n_rows, device=ids.device, dtype=ids.dtype)
        one_hot = (ids.reshape(-1, 1) == rows).to(flat.dtype)
        return one_hot.T @ flat, None

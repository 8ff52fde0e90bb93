"""A gated feed-forward layer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.ops.autocast import as_autocast
from seqrec.ops.backend import Backend


def gated(x: Tensor, into: nn.Linear) -> Tensor:
    """Return a ⊙ silu(g), (a, g) = into(x).

    Two products, not one and a split: the halves of a split are not contiguous, and its gradient
    copies them together again.
    """
    (x,) = as_autocast(x)
    weights = into.weight.chunk(2)
    biases = (None, None) if into.bias is None else into.bias.chunk(2)
    value, gate = (F.linear(x, w, b) for w, b in zip(weights, biases, strict=True))
    return value * F.silu(gate)


class GatedFeedForward(nn.Module):
    """LN(drop(W₂(a ⊙ silu(g))) + x), (a, g) = W₁x.

    Args:
        hidden_size: Width of input and output.
        inner_size: Width inside.
        dropout: Of what is added.
        backend: Has the residual LayerNorm.

    Paper: SwiGLU, "GLU variants improve transformer" (arXiv 2002.05202), eq. 6.
    """

    def __init__(
        self, hidden_size: int, inner_size: int, dropout: float, backend: Backend
    ) -> None:
        super().__init__()
        self.into = nn.Linear(hidden_size, 2 * inner_size, bias=False)
        self.out = nn.Linear(inner_size, hidden_size, bias=False)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = dropout
        self.backend = backend

    def forward(self, x: Tensor) -> Tensor:
        """Mix within each event, (..., D)."""
        added = self.out(gated(x, self.into))
        dropout = self.dropout if self.training else 0.0
        norm = self.norm
        return self.backend.residual_norm(added, x, norm.weight, norm.bias, norm.eps, dropout)

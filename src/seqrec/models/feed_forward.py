"""A gated feed-forward layer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.ops.backend import Backend


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
        value, gate = self.into(x).chunk(2, -1)
        added = self.out(value * F.silu(gate))
        dropout = self.dropout if self.training else 0.0
        norm = self.norm
        return self.backend.residual_norm(added, x, norm.weight, norm.bias, norm.eps, dropout)

"""SASRec with the names and the arithmetic of RecBole's: its weights run without RecBole."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.ops.backend import Backend
from seqrec.parameters.models import SASRecModel

EPS = 1e-12
MASKED = -10_000.0
"""What RecBole adds to attention scores that are not to count."""


class SASRecEncoder(nn.Module):
    """Item and position embeddings, a stack of transformer layers.

    Args:
        model: Sizes.
        n_items: Rows of the embedding, padding included.
        backend: Implementation of the ops; this network uses none of them.

    Paper: SASRec (arXiv 1808.09781), as RecBole 1.2.0 builds it.
    """

    def __init__(self, model: SASRecModel, n_items: int, backend: Backend) -> None:
        super().__init__()
        size = model.hidden_size
        self.item_embedding = nn.Embedding(n_items, size, padding_idx=0)
        self.position_embedding = nn.Embedding(model.max_length, size)
        self.trm_encoder = nn.ModuleDict(
            {"layer": nn.ModuleList(_Layer(model) for _ in range(model.n_layers))}
        )
        self.LayerNorm = nn.LayerNorm(size, eps=EPS)

    def forward(self, items: Tensor, intervals: Tensor) -> Tensor:
        """Encode histories.

        Args:
            items:     Item ids, 0 is padding on the right,       (B, L).
            intervals: Not read: positions are all it knows,      (B, L).

        Returns:
            Hidden states, (B, L, D).
        """
        places = torch.arange(items.shape[1], device=items.device).expand_as(items)
        hidden: Tensor = self.LayerNorm(
            self.item_embedding(items) + self.position_embedding(places)
        )
        seen = (items != 0)[:, None, None, :].expand(-1, -1, items.shape[1], -1).tril()
        mask = torch.where(seen, 0.0, MASKED)
        layers = self.trm_encoder["layer"]
        assert isinstance(layers, nn.ModuleList)  # noqa: S101 - for the type checker
        for layer in layers:
            hidden = layer(hidden, mask)
        return hidden


class _Layer(nn.Module):
    """Attention, then a feed-forward layer, each with a residual LayerNorm."""

    def __init__(self, model: SASRecModel) -> None:
        super().__init__()
        self.multi_head_attention = _Attention(model)
        self.feed_forward = _FeedForward(model)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        mixed: Tensor = self.feed_forward(self.multi_head_attention(hidden, mask))
        return mixed


class _Attention(nn.Module):
    def __init__(self, model: SASRecModel) -> None:
        super().__init__()
        size = model.hidden_size
        self.n_heads = model.n_heads
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.dense = nn.Linear(size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=EPS)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            project(hidden).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        scores = query @ key.mT / query.shape[-1] ** 0.5 + mask
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        normed: Tensor = self.LayerNorm(self.dense(mixed) + hidden)
        return normed


class _FeedForward(nn.Module):
    def __init__(self, model: SASRecModel) -> None:
        super().__init__()
        self.dense_1 = nn.Linear(model.hidden_size, model.inner_size)
        self.dense_2 = nn.Linear(model.inner_size, model.hidden_size)
        self.LayerNorm = nn.LayerNorm(model.hidden_size, eps=EPS)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = F.gelu(self.dense_1(hidden))
        normed: Tensor = self.LayerNorm(self.dense_2(inner) + hidden)
        return normed

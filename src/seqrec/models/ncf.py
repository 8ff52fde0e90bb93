"""Neural collaborative filtering: NeuMF, generalised matrix factorisation beside an MLP."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.parameters import NCFModel


class NeuMF(nn.Module):
    """Logits of user-item pairs, and of all items for a user without scoring pair by pair.

    Args:
        model: Sizes of both halves.
        n_users: Rows of the user embeddings.
        n_items: Rows of the item embeddings.

    Paper: Neural Collaborative Filtering (arXiv 1708.05031), eq. 12.
    """

    def __init__(self, model: NCFModel, n_users: int, n_items: int) -> None:
        super().__init__()
        self.user_mf = nn.Embedding(n_users, model.mf_size)
        self.item_mf = nn.Embedding(n_items, model.mf_size)
        self.user_mlp = nn.Embedding(n_users, model.mlp_size)
        self.item_mlp = nn.Embedding(n_items, model.mlp_size)
        widths = (2 * model.mlp_size, *model.mlp_hidden_sizes)
        self.mlp = nn.ModuleList(
            nn.Linear(wide, narrow) for wide, narrow in itertools.pairwise(widths)
        )
        self.dropout = nn.Dropout(model.dropout)
        self.output = nn.Linear(model.mf_size + widths[-1], 1)
        for table in (self.user_mf, self.item_mf, self.user_mlp, self.item_mlp):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score pairs.

        Args:
            users: User ids, (B,).
            items: Item ids, (B,).

        Returns:
            Logits, (B,).
        """
        pair = torch.cat([self.user_mlp(users), self.item_mlp(items)], dim=-1)
        first: Tensor = self.mlp[0](self.dropout(pair))
        return self._combine(self.user_mf(users) * self.item_mf(items), first)

    def score(self, users: Tensor, items: slice = slice(None)) -> Tensor:
        """Score every item for each user, or a range of items.

        The first layer is split: W[p; q] = W_user p + W_item q, each half once per user or item
        instead of once per pair; the GMF half is folded into one matrix product.

        Args:
            users: User ids, (B,).
            items: Which of the n_items.

        Returns:
            Logits, (B, n_items).
        """
        size = self.user_mlp.embedding_dim
        first = self.mlp[0]
        assert isinstance(first, nn.Linear)  # noqa: S101 - for the type checker
        of_users = F.linear(self.user_mlp(users), first.weight[:, :size])
        of_items = F.linear(self.item_mlp.weight[items], first.weight[:, size:], first.bias)
        gmf_size = self.user_mf.embedding_dim
        gmf_weight = self.output.weight[0, :gmf_size]
        mlp_weight = self.output.weight[0, gmf_size:]
        gmf = (self.user_mf(users) * gmf_weight) @ self.item_mf.weight[items].T
        hidden = self._tower(of_users[:, None] + of_items)
        logits: Tensor = gmf + hidden @ mlp_weight + self.output.bias
        return logits

    def _tower(self, first: Tensor) -> Tensor:
        """Run the MLP from the pre-activation of its first layer."""
        hidden = F.relu(first)
        for layer in list(self.mlp)[1:]:
            hidden = F.relu(layer(self.dropout(hidden)))
        return hidden

    def _combine(self, gmf: Tensor, first: Tensor) -> Tensor:
        logits: Tensor = self.output(torch.cat([gmf, self._tower(first)], dim=-1))
        return logits.squeeze(-1)

"""SS4Rec's encoder: item histories with their intervals to hidden states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqrec.models.block import SS4RecBlock
from seqrec.parameters import SS4RecModel

PADDING = 0


class SS4RecEncoder(nn.Module):
    """Item embedding and a stack of blocks; scores are dot products with the item embeddings.

    The model is causal: position k sees items up to k and the time until event k + 1.
    No position embedding: order and time are in the recurrences.

    Args:
        model: Sizes and fidelity switches.
        n_items: Rows of the embedding, padding included.

    Paper: SS4Rec (arXiv 2502.08132).
    """

    def __init__(self, model: SS4RecModel, n_items: int) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(n_items, model.hidden_size, padding_idx=PADDING)
        self.blocks = nn.ModuleList(SS4RecBlock(model) for _ in range(model.n_layers))
        self._init_weights(model.initialization)

    def _init_weights(self, initialization: str) -> None:
        """Draw embeddings from normal(0, 0.02), padding zero; SSMs keep theirs unless told."""
        nn.init.normal_(self.item_embedding.weight, std=0.02)
        with torch.no_grad():
            self.item_embedding.weight[PADDING].zero_()
        if initialization == "authors":
            self.apply(_authors_linear)

    def forward(self, items: Tensor, intervals: Tensor) -> Tensor:
        """Encode histories, padded on the right.

        Args:
            items:     Item ids, 0 is padding,               (B, L).
            intervals: Seconds from each event to the next,  (B, L).

        Returns:
            Hidden states, (B, L, D).
        """
        hidden: Tensor = self.item_embedding(items)
        for block in self.blocks:
            hidden = block(hidden, intervals)
        return hidden

    def score(self, hidden: Tensor) -> Tensor:
        """Score every item.

        Args:
            hidden: Hidden states, (..., D).

        Returns:
            Logits in float32, (..., n_items).
        """
        return hidden.float() @ self.item_embedding.weight.float().T


def _authors_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

"""GRU4Rec with the names and the arithmetic of RecBole's: its weights run without RecBole."""

from __future__ import annotations

from torch import Tensor, nn

from seqrec.ops.backend import Backend
from seqrec.parameters.models import GRU4RecModel


class GRU4RecEncoder(nn.Module):
    """Item embedding, GRU, and a projection back to the items.

    Args:
        model: Sizes.
        n_items: Rows of the embedding, padding included.
        backend: Implementation of the ops; this network uses none of them.

    Paper: GRU4Rec (arXiv 1511.06939), as RecBole 1.2.0 builds it.
    """

    def __init__(self, model: GRU4RecModel, n_items: int, backend: Backend) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(n_items, model.hidden_size, padding_idx=0)
        self.gru_layers = nn.GRU(
            model.hidden_size, model.inner_size, model.n_layers, bias=False, batch_first=True
        )
        self.dense = nn.Linear(model.inner_size, model.hidden_size)

    def forward(self, items: Tensor, intervals: Tensor) -> Tensor:
        """Encode histories.

        Args:
            items:     Item ids, 0 is padding on the right,   (B, L).
            intervals: Not read: order is all it knows,       (B, L).

        Returns:
            Hidden states, (B, L, D).
        """
        hidden: Tensor = self.dense(self.gru_layers(self.item_embedding(items))[0])
        return hidden

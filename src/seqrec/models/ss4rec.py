"""SS4Rec's encoder: item histories with their intervals to hidden states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqrec.models.block import BlockState, SS4RecBlock
from seqrec.ops.backend import Backend
from seqrec.ops.discretize import scale_time
from seqrec.ops.packing import Packing
from seqrec.parameters import SS4RecModel

PADDING = 0


class SS4RecEncoder(nn.Module):
    """Item embedding and a stack of blocks; scores are dot products with the item embeddings.

    The model is causal: position k sees items up to k and the time until event k + 1.
    No position embedding: order and time are in the recurrences.

    Args:
        model: Sizes and fidelity switches.
        n_items: Rows of the embedding, padding included.
        backend: Which implementation runs the recurrences.

    Paper: SS4Rec (arXiv 2502.08132).
    """

    def __init__(self, model: SS4RecModel, n_items: int, backend: Backend) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(n_items, model.hidden_size, padding_idx=PADDING)
        self.blocks = nn.ModuleList(SS4RecBlock(model, backend) for _ in range(model.n_layers))
        self.time_scale, self.backend = model.time_scale, backend
        self._init_weights(model.initialization)

    def _init_weights(self, initialization: str) -> None:
        """Draw embeddings from normal(0, 0.02), padding zero; SSMs keep theirs unless told."""
        nn.init.normal_(self.item_embedding.weight, std=0.02)
        with torch.no_grad():
            self.item_embedding.weight[PADDING].zero_()
        if initialization == "authors":
            self.apply(_authors_linear)

    def forward(self, items: Tensor, intervals: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode histories, padded on the right.

        Args:
            items:     Item ids, 0 is padding,               (B, L).
            intervals: Seconds from each event to the next,  (B, L).
            lengths:   Events of each history,               (B,); with them a backend that can
                leaves padding out of every computation.

        Returns:
            Hidden states, (B, L, D); zero at padding if it was left out.
        """
        if lengths is None or not self.backend.packs:
            return self.extend(items, intervals)[0]
        inside = items != PADDING
        packing = Packing.of_lengths(lengths, items.shape[1])
        hidden = self._embed(items[inside])
        for block in self.blocks:
            hidden, _ = block(
                hidden, scale_time(intervals[inside], self.time_scale), None, packing
            )
        return hidden.new_zeros(*items.shape, hidden.shape[-1]).masked_scatter(
            inside[..., None], hidden
        )

    def extend(
        self, items: Tensor, intervals: Tensor, state: list[BlockState] | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Encode histories that go on from a state: one more event costs one step.

        Args:
            items:     Item ids without padding,             (B, L).
            intervals: Seconds from each event to the next,  (B, L).
            state:     What an earlier call returned; None to begin.

        Returns:
            Hidden states of the new events, (B, L, D), and the state to go on from.
        """
        hidden, scaled = self._embed(items), scale_time(intervals, self.time_scale)
        states = []
        for index, block in enumerate(self.blocks):
            hidden, after = block(hidden, scaled, state[index] if state else None)
            states.append(after)
        return hidden, states

    def score(self, hidden: Tensor) -> Tensor:
        """Score every item.

        Args:
            hidden: Hidden states, (..., D).

        Returns:
            Logits in float32, (..., n_items).
        """
        return hidden.float() @ self.item_embedding.weight.float().T

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Compute cross-entropy over all items.

        Args:
            hidden:  Hidden states,      (T, D).
            targets: Item to predict,    (T,).

        Returns:
            Mean over positions, scalar.
        """
        return self.backend.cross_entropy(hidden, self.item_embedding.weight, targets)

    def _embed(self, items: Tensor) -> Tensor:
        embedded: Tensor = self.item_embedding(items)
        return embedded


def _authors_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

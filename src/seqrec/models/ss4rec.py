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
        self.input_dropout = nn.Dropout(model.input_dropout)
        self.time_scale = model.time_scale
        self.backend = backend
        self._init_weights(model.initialization)

    def _init_weights(self, initialization: str) -> None:
        """Draw embeddings from normal(0, 0.02), padding zero; SSMs draw their own."""
        nn.init.normal_(self.item_embedding.weight, std=0.02)
        with torch.no_grad():
            self.item_embedding.weight[PADDING].zero_()
        if initialization == "authors":
            self.apply(init_linear_as_authors)

    def forward(self, items: Tensor, intervals: Tensor, packing: Packing | None = None) -> Tensor:
        """Encode histories.

        Args:
            items:     Item ids, 0 is padding on the right,  (B, L).
            intervals: Seconds from each event to the next,  (B, L).
            packing:   Layout of packed histories, (T,) and (T,); None for a dense batch.

        Returns:
            Hidden states, (B, L, D) or (T, D).
        """
        return self._blocks(items, intervals, [None] * len(self.blocks), packing)[0]

    def extend(
        self, items: Tensor, intervals: Tensor, state: list[BlockState] | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Encode histories that continue from a state: one more event costs one step.

        Args:
            items:     Item ids without padding,             (B, L).
            intervals: Seconds from each event to the next,  (B, L).
            state:     What an earlier call returned; None to begin.

        Returns:
            Hidden states of the new events, (B, L, D), and the state to continue from.
        """
        before: list[BlockState | None] = [*state] if state else [None] * len(self.blocks)
        return self._blocks(items, intervals, before)

    def _blocks(
        self,
        items: Tensor,
        intervals: Tensor,
        before: list[BlockState | None],
        packing: Packing | None = None,
    ) -> tuple[Tensor, list[BlockState]]:
        # Its gradient sorts the ids by radix: in 32 bits with half the passes.
        hidden = self.input_dropout(self.item_embedding(items.int()))
        scaled = scale_time(intervals, self.time_scale)
        after = []
        for block, state in zip(self.blocks, before, strict=True):
            hidden, last = block(hidden, scaled, state, packing)
            after.append(last)
        return hidden, after

    def score(self, hidden: Tensor) -> Tensor:
        """Score every item.

        Args:
            hidden: Hidden states, (..., D).

        Returns:
            Logits in float32, (..., n_items).
        """
        return hidden.float() @ self.item_embedding.weight.float().T


def init_linear_as_authors(module: nn.Module) -> None:
    """Draw a linear layer from normal(0, 0.02), its bias zero; leave other modules alone."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

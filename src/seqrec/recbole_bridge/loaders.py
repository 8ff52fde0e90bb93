"""Held-out items as RecBole's Trainer takes them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.data.interaction import Interaction
from torch import Tensor

from seqrec.histories.held_out import HeldOutLoader
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.tables import columns as c


class RecBoleHeldOutLoader(FullSortEvalDataLoader):
    """A `HeldOutLoader` for RecBole's ``evaluate``.

    RecBole's own reads every user's items into Python sets; only its type is wanted here.

    Args:
        dataset: The interactions.
        held_out: The batches.
    """

    def __init__(self, dataset: InteractionDataset, held_out: HeldOutLoader) -> None:
        self._dataset = dataset
        self.held_out = held_out

    def __len__(self) -> int:
        """Count the batches of this process."""
        return len(self.held_out)

    def __iter__(self) -> Iterator[tuple[Interaction, None, Tensor, Tensor]]:
        """Yield interaction, no mask, row, target."""
        for fields in self.held_out:
            targets = fields[c.ITEM]
            yield Interaction(fields), None, torch.arange(len(targets)), targets

"""Events of one second have no order: each epoch may see another."""

from __future__ import annotations

import numpy as np
import torch

from seqrec.histories.arrays import CODE, Histories
from seqrec.histories.batches import HistoryCutter
from seqrec.tables import columns as c


class TieShuffler(HistoryCutter):
    """Cuts batches from histories whose training events of one second change places.

    Events that are held out stay where they are, and so does what precedes a query.

    Args:
        histories: All interactions.
        cutter: Of the histories as they are. Items move, and with them what else is known of an
            event; users and intervals are those of the places.
    """

    def __init__(self, histories: Histories, cutter: HistoryCutter) -> None:
        self.deltas = cutter.deltas
        self.users = cutter.users
        self.items = cutter.items.clone()
        self.features = {name: x.clone() for name, x in cutter.features.items()}
        self._moved = [self.items, *self.features.values()]
        self._as_given = [cutter.items, *cutter.features.values()]
        begins = (histories.deltas != 0) | (histories.splits != CODE[c.TRAIN])
        begins[histories.offsets] = True
        second = torch.from_numpy(begins.cumsum().astype(np.float64))
        self._second = second.to(self.items.device)

    def shuffle(self, generator: np.random.Generator) -> None:
        """Draw the order within each second; tensors keep their places, as CUDA graphs need."""
        drawn = torch.from_numpy(generator.random(len(self._second)))
        order = (self._second + drawn.to(self._second.device)).argsort()
        for moved, as_given in zip(self._moved, self._as_given, strict=True):
            moved.copy_(as_given[order])

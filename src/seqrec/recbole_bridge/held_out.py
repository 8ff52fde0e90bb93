"""Histories to score: up to a held-out item, or complete."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.data.interaction import Interaction
from torch import Tensor

from seqrec.histories import batches
from seqrec.histories.batches import Fields, HistoryCutter, row_fields, to_device
from seqrec.recbole_bridge.config import BridgeConfig, packs
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.tables import columns as c
from seqrec.training.processes import Ranks


class HeldOutLoader(FullSortEvalDataLoader):
    """Each user's held-out item and what precedes it, in batches on the device.

    Args:
        config: From `build_config`.
        dataset: The interactions.
        cutter: Where they lie.
        split: ``valid`` or ``test``.
        query_time: Whether the last interval is the true one or the user's median gap.
        ranks: Each process has its share of the users.
    """

    def __init__(
        self,
        config: BridgeConfig,
        dataset: InteractionDataset,
        cutter: HistoryCutter,
        split: str,
        query_time: str,
        ranks: Ranks,
    ) -> None:
        # RecBole's own loads every user's items into Python sets; only its type is wanted here.
        flat, longest = dataset.histories, config["MAX_ITEM_LIST_LENGTH"]
        self.config, self._dataset, self._cutter, self._ranks = config, dataset, cutter, ranks
        self.split, self.query_time = split, query_time
        self.rows = flat.held_out(split, longest or 1)
        target = self.rows.start + self.rows.length
        self.users, self.targets = flat.users[target], flat.items[target]
        self.tied = flat.tied(split)
        self._gaps = flat.median_gaps(split) if query_time == c.UNKNOWN else None
        self._width, self._packs = longest, packs(config)

    def at(self, query_time: str) -> HeldOutLoader:
        """Return the loader with another query time."""
        return HeldOutLoader(
            self.config, self._dataset, self._cutter, self.split, query_time, self._ranks
        )

    def __len__(self) -> int:
        """Count the batches of this process."""
        return len(range(self._ranks.rank, self._batches, self._ranks.size))

    @property
    def _batches(self) -> int:
        return -(-len(self.rows) // int(self.config["eval_users"]))

    def __iter__(self) -> Iterator[tuple[Interaction, None, Tensor, Tensor]]:
        """Yield batches as RecBole's Trainer takes them: interaction, no mask, row, target."""
        size = self.config["eval_users"]
        for batch in range(self._ranks.rank, self._batches, self._ranks.size):
            here = slice(batch * size, (batch + 1) * size)
            fields = {c.USER: torch.from_numpy(self.users[here]).long()}
            if self._width:
                fields |= self._histories(here)
            targets = torch.from_numpy(self.targets[here]).long()
            if self.tied.shape[1]:
                fields[batches.TIED_LIST] = torch.from_numpy(self.tied[here]).long()
            device = self.config["device"]
            moved = to_device({**fields, c.ITEM: targets}, device)
            yield Interaction(moved), None, torch.arange(len(targets)), moved[c.ITEM]

    def _histories(self, here: slice) -> Fields:
        rows = self.rows[here]
        fields = row_fields(rows)
        if self._gaps is not None:
            fields[batches.LAST_INTERVAL] = torch.from_numpy(self._gaps[here])
        on_device = to_device(fields, self._cutter.items.device)
        if self._packs:
            return self._cutter.packed(on_device, int(rows.length.sum()), self._width)
        return self._cutter.dense(on_device, int(rows.length.max()))


class CompleteLoader(HeldOutLoader):
    """Users' complete histories, asked some time after their last interaction.

    Args:
        held_out: A loader of the same data.
        users: RecBole's ids of the users wanted.
        seconds: Time between the last interaction and the question.
    """

    def __init__(self, held_out: HeldOutLoader, users: NDArray[np.int32], seconds: float) -> None:
        self.__dict__.update(held_out.__dict__)
        flat = self._dataset.histories
        owners = flat.users[flat.offsets]
        wanted = np.flatnonzero(np.isin(owners, users))
        self.rows, self.users = flat.complete(self._width or 1)[wanted], owners[wanted]
        self.targets, self.tied = np.zeros_like(self.users), np.zeros((len(wanted), 0), np.int32)
        self._gaps = np.full(len(wanted), seconds, np.float32)

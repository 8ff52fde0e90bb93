"""Histories to score: up to a held-out item, or complete."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.errors import ProjectError
from seqrec.histories import batches as b
from seqrec.histories.batches import row_fields, to_device
from seqrec.histories.feed import Feed
from seqrec.tables import columns as c
from seqrec.training.step import Fields


class HeldOutLoader:
    """Each user's held-out item and what precedes it, in batches on the model's device.

    Args:
        feed: The interactions; each process has its share of the users.
        split: ``valid`` or ``test``.
        query_time: Whether the last interval is the true one, or the feed's for unknown ones.
    """

    def __init__(self, feed: Feed, split: str, query_time: str) -> None:
        histories = feed.histories
        self.feed = feed
        self.split = split
        self.rows = histories.held_out(split, feed.max_length)
        target = self.rows.start + self.rows.length
        self.users = histories.users[target]
        self.targets = histories.items[target]
        self.tied = histories.tied(split)
        self._gaps = self._unknown_gaps() if query_time == c.UNKNOWN else None

    def at(self, query_time: str) -> HeldOutLoader:
        """Return the loader with another query time."""
        return HeldOutLoader(self.feed, self.split, query_time)

    def _unknown_gaps(self) -> NDArray[np.float32]:
        interval = self.feed.unknown_interval
        if interval is None:
            return self.feed.histories.median_gaps(self.split)
        return np.full(len(self.rows), interval, np.float32)

    def __len__(self) -> int:
        """Count the batches of this process; all have equally many."""
        return len(self._mine())

    def __iter__(self) -> Iterator[Fields]:
        """Yield batches: user, held-out item, history, tied items."""
        for _, batch in self.with_users():
            yield batch

    def with_users(self) -> Iterator[tuple[NDArray[np.int32], Fields]]:
        """Yield the ids of each batch's users on the host, (B,), and the batch."""
        for here in self._mine():
            yield self.users[here], self._batch(here)

    def _mine(self) -> list[slice]:
        """Cut this process's users into batches.

        Raises:
            ProjectError: There are more processes than users.
        """
        processes = self.feed.processes
        users = len(self.rows)
        if processes.count > max(users, 1):  # alone, a process may have none to rank
            raise ProjectError(
                f"{processes.count} processes cannot share {users} users: start fewer "
                "(torchrun --nproc-per-node)"
            )
        size = self.feed.experiment.runtime.eval_batch_size
        if processes.count == 1:
            return [slice(start, start + size) for start in range(0, users, size)]
        rounds = -(-(users // processes.count) // size)
        batches = rounds * processes.count
        mine = range(rounds * processes.index, rounds * (processes.index + 1))
        return [slice(users * i // batches, users * (i + 1) // batches) for i in mine]

    def _batch(self, here: slice) -> Fields:
        fields = {c.USER: torch.from_numpy(self.users[here]).long()}
        if self.feed.experiment.max_length:
            fields |= self._histories(here)
        if self.tied.shape[1]:
            fields[b.TIED_LIST] = torch.from_numpy(self.tied[here]).long()
        targets = torch.from_numpy(self.targets[here]).long()
        return to_device({**fields, c.ITEM: targets}, self.feed.device)

    def _histories(self, here: slice) -> Fields:
        rows = self.rows[here]
        fields = row_fields(rows)
        if self._gaps is not None:
            fields[b.LAST_INTERVAL] = torch.from_numpy(self._gaps[here])
        cutter = self.feed.cutter
        placed = to_device(fields, cutter.items.device)
        if self.feed.packed:
            return cutter.packed(placed, int(rows.length.sum()), self.feed.max_length)
        return cutter.dense(placed, int(rows.length.max()))


class CompleteLoader(HeldOutLoader):
    """Users' complete histories, with a query some time after the last interaction.

    Args:
        feed: The interactions.
        users: Ids of the users wanted.
        seconds: Time between the last interaction and the query.
    """

    def __init__(self, feed: Feed, users: NDArray[np.int32], seconds: float) -> None:
        histories = feed.histories
        owners = histories.users[histories.offsets]
        wanted = np.flatnonzero(np.isin(owners, users))
        self.feed = feed
        self.split = c.TEST
        self.rows = histories.complete(feed.max_length)[wanted]
        self.users = owners[wanted]
        self.targets = np.zeros_like(self.users)
        self.tied = np.zeros((len(wanted), 0), np.int32)
        self._gaps = np.full(len(wanted), seconds, np.float32)

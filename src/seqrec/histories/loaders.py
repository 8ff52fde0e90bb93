"""Training batches, an epoch at a time, cut where the interactions lie."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seqrec.errors import ProjectError
from seqrec.histories import batches as b
from seqrec.histories.arrays import CODE, Int64
from seqrec.histories.batches import row_fields, to_device
from seqrec.histories.epochs import Epoch, Part, plan_epoch
from seqrec.histories.feed import Feed
from seqrec.histories.negatives import PopularItems, UnseenItems
from seqrec.histories.ties import TieShuffler
from seqrec.tables import columns as c
from seqrec.training.step import Fields

logger = logging.getLogger(__name__)

ROUND_TOKENS = 1024
ROUND_ROWS = 8


class TrainLoader(Protocol):
    """An epoch at a time, a step at a time; what a step needs is made by `expand`.

    `parts` hands out tensors of few sizes and `expand` never asks the host, so that both the
    making of a batch and the learning from it can be recorded as one CUDA graph.
    """

    layout: tuple[int, ...]
    """Sizes that `expand` gives a batch, beside those of its fields."""

    def start(self, epoch: int) -> Epoch:
        """Plan an epoch; the same one whenever it is asked for again."""
        ...

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        """Yield each step's parts, on the model's device."""
        ...

    def expand(self, fields: Fields) -> Fields:
        """Make a part's batch: inputs, targets and negatives."""
        ...


def make_train_loader(feed: Feed) -> TrainLoader:
    """Return the loader of a training mode."""
    return PairLoader(feed) if feed.training.training_mode == "pair" else WindowLoader(feed)


class _Epochs:
    """What both train loaders share: planning, and negatives beside the targets."""

    def __init__(self, feed: Feed) -> None:
        self.layout: tuple[int, ...] = ()
        self.feed = feed
        self.device = feed.device
        self.loss_type = feed.training.loss_type
        self.negatives = feed.training.negatives
        if self.loss_type in ("BPR", "BCE"):
            self._unseen = UnseenItems(feed.histories, feed.n_users, feed.n_items, self.device)
            self._tell_exhausted(int(self._unseen.exhausted.sum()))
        elif self.loss_type == "sampled_CE":
            power = feed.training.negative_power
            self._popular = PopularItems(feed.histories, feed.n_items, power, self.device)

    def _tell_exhausted(self, users: int) -> None:
        if users and self.feed.processes.writes:
            logger.warning(
                "%s: %d of %d users have interacted with all %d items in training: no negative "
                "can be drawn for them, and they are left out of its training",
                *(self.feed.experiment.name, users, self.feed.n_users - 1, self.feed.n_items - 1),
            )

    def _learnable(self, users: NDArray[np.int32]) -> slice | Int64:
        """Choose the rows that can be learned from: a negative can be drawn for their user.

        Args:
            users: User of each row, (R,).

        Raises:
            ProjectError: None can.
        """
        if self.loss_type not in ("BPR", "BCE") or not self._unseen.exhausted.any():
            return slice(None)
        learnable = np.flatnonzero(~self._unseen.exhausted[users])
        if not len(learnable):
            other_loss = "" if self.feed.training.training_mode == "pair" else ", or loss_type=CE"
            raise ProjectError(
                f"{self.feed.experiment.name}: every user has interacted with all "
                f"{self.feed.n_items - 1} items in training, so that no negative can be drawn: "
                f"it takes users who have not{other_loss}"
            )
        return learnable

    def _plan(self, users: Any, targets: Any, sizes: Any, generator: np.random.Generator) -> Epoch:
        training = self.feed.training
        self._epoch = plan_epoch(
            users,
            targets,
            sizes,
            training.batch_size,
            generator,
            self.feed.processes,
            training.accumulate,
        )
        return self._epoch

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self.feed.training.seed, epoch))

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        """Yield each step's parts, on the model's device."""
        for step in self._epoch.parts[first_step:]:
            yield [to_device(self.fields(part), self.device) for part in step]

    def fields(self, part: Part) -> Fields:
        """Make the tensors of a part, its share of the step's targets among them."""
        return {**self._fields(part), b.SHARE: torch.tensor(part.share)}

    def _fields(self, part: Part) -> Fields:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._epoch)


class PairLoader(_Epochs):
    """User-item pairs with negatives, for models without a history."""

    def start(self, epoch: int) -> Epoch:
        """Shuffle the training pairs."""
        histories = self.feed.histories
        pairs = np.flatnonzero(histories.splits == CODE[c.TRAIN])
        self._pairs = pairs[self._learnable(histories.users[pairs])]
        users = histories.users[self._pairs]
        ones = np.ones_like(self._pairs)
        return self._plan(users, ones, ones, self._generator(epoch))

    def _fields(self, part: Part) -> Fields:
        histories = self.feed.histories
        rows = self._pairs[part.rows]
        columns = {c.USER: histories.users[rows], c.ITEM: histories.items[rows]}
        return {name: torch.from_numpy(x).long() for name, x in columns.items()}

    def expand(self, fields: Fields) -> Fields:
        """Add negatives: labelled rows for BCE, a column for BPR."""
        users = fields[c.USER]
        items = fields[c.ITEM]
        times = self.negatives
        drawn = self._unseen.draw(users, times).T.flatten()
        if self.loss_type == "BCE":
            label = torch.cat([torch.ones_like(items), torch.zeros_like(drawn)]).float()
            columns = {c.USER: users.repeat(1 + times), c.ITEM: torch.cat([items, drawn])}
            return {**columns, b.LABEL: label}
        columns = {c.USER: users.repeat(times), c.ITEM: items.repeat(times)}
        return {**columns, b.NEGATIVE_ITEM: drawn}


class WindowLoader(_Epochs):
    """Windows or prefixes of histories."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self.max_length = feed.max_length
        self._leaves_out_seen = feed.training.leaves_out_seen
        self._tokens = 0
        self._before = 0
        self._capacity = 0
        # Types, not devices: "cuda" and "cuda:0" differ.
        self._on_host = feed.cutter.items.device.type != self.device.type
        shuffles = feed.training.shuffle_ties
        self._ties = TieShuffler(feed.histories, feed.cutter) if shuffles else None
        self._cutter = self._ties or feed.cutter

    def start(self, epoch: int) -> Epoch:
        """Cut the training rows, windows with borders of their own, and shuffle them."""
        generator = self._generator(epoch)
        histories = self.feed.histories
        if self._ties:
            self._ties.shuffle(np.random.default_rng((self.feed.training.seed, epoch, 1)))
        shift = int(generator.integers(max(self.max_length // 2, 1)))
        if self.feed.training.training_mode == "sequence":
            rows = histories.windows(self.max_length, shift)
        else:
            rows = histories.prefixes(self.max_length)
        self._rows = rows[self._learnable(histories.users[rows.start])]
        users = histories.users[self._rows.start]
        plan = self._plan(users, self._rows.targets, self._rows.length, generator)
        self._grow(plan.everyones)
        return plan

    def _grow(self, parts: list[Int64]) -> None:
        """Make room for the largest part of any process; a new size is a new CUDA graph."""
        rows = self._rows
        if self.feed.packed:
            self._tokens = _room(self._tokens, rows.length, parts)
            self._capacity = max(self._capacity, _round_up(max(map(len, parts)), ROUND_ROWS))
        if self._leaves_out_seen:
            self._before = _room(self._before, self.feed.histories.before(rows), parts)
        self.layout = (self._tokens, self._before)

    def _fields(self, part: Part) -> Fields:
        rows = self._rows[part.rows]
        packed = self.feed.packed
        before = self.feed.histories.before(rows) if self._leaves_out_seen else None
        fields = row_fields(rows, self._capacity if packed else None, before)
        if packed:
            return self._cut(fields) if self._on_host else fields
        # A dense batch is as wide as its longest row: the width decides the size of the graph.
        on_cpu = self.device.type == "cpu"
        width = int(rows.length.max(initial=1)) if on_cpu else self.max_length
        return self._cut(fields, width)

    def _cut(self, fields: Fields, width: int = 0) -> Fields:
        cutter = self._cutter
        placed = to_device(fields, cutter.items.device)
        if self.feed.packed:
            batch = cutter.packed(placed, self._tokens, self.max_length)
        else:
            batch = cutter.dense(placed, width)
        if b.BEFORE in placed:
            batch |= cutter.before(placed, self._before)
        return {**batch, c.USER: cutter.users_of(placed)}

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        """Yield the steps' parts; `workers` cut and pin them if the arrays stay on the host."""
        workers = self.feed.experiment.runtime.workers
        if not (self._on_host and workers):
            yield from super().parts(first_step)
            return
        steps = _Steps(self, first_step)
        pinned = self.device.type == "cuda"
        for step in DataLoader(steps, batch_size=None, num_workers=workers, pin_memory=pinned):
            yield [to_device(fields, self.device) for fields in step]

    def expand(self, fields: Fields) -> Fields:
        """Cut the rows where they lie, and draw negatives."""
        batch = self._cut(fields) if b.ITEM_LIST not in fields else fields
        if self.loss_type == "sampled_CE":
            drawn = self._popular.draw(self.negatives)
            return {**batch, b.NEGATIVE_LIST: drawn, b.LOG_Q: self._popular.log_q}
        if self.loss_type == "BPR":
            users = self._users_of_targets(batch)
            return {**batch, b.NEGATIVE_LIST: self._unseen.draw(users, self.negatives)}
        return batch

    def _users_of_targets(self, batch: Fields) -> Tensor:
        """Return the user of each input, shaped as the inputs."""
        users = batch[c.USER]
        inputs = batch[b.ITEM_LIST]
        if b.CU_SEQLENS not in batch:
            return users[:, None].expand_as(inputs)
        place = torch.arange(len(inputs), device=inputs.device)
        row = torch.searchsorted(batch[b.CU_SEQLENS][1:], place, right=True)
        return users[row.clamp(max=len(users) - 1)]


class _Steps(Dataset[list[Fields]]):
    """Steps of a `WindowLoader` by number, for worker processes."""

    def __init__(self, loader: WindowLoader, first_step: int) -> None:
        self._loader = loader
        self._parts = loader._epoch.parts[first_step:]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, step: int) -> list[Fields]:
        if step >= len(self._parts):
            raise IndexError(step)
        return [self._loader.fields(part) for part in self._parts[step]]


def _room(held: int, sizes: Int64, parts: list[Int64]) -> int:
    """Return the room for the largest part: what is held, or more by a margin.

    Args:
        held: Room there is.
        sizes: What each row takes.
        parts: Rows of each part.
    """
    needed = max(int(sizes[rows].sum()) for rows in parts)
    return held if needed <= held else _round_up(needed + needed // 32, ROUND_TOKENS)


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple

"""What RecBole's Trainer iterates over: training steps and held-out items, cut on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from recbole.data.interaction import Interaction
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seqrec.histories import batches
from seqrec.histories.arrays import CODE
from seqrec.histories.batches import Fields, HistoryCutter, row_fields, to_device
from seqrec.histories.epochs import Epoch, Part, plan_epoch
from seqrec.histories.negatives import PopularItems, UnseenItems
from seqrec.recbole_bridge.config import BridgeConfig, packs
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.held_out import HeldOutLoader
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.processes import Ranks

ROUND_TOKENS, ROUND_ROWS = 1024, 8
SHARE = "share"
"""Field: what the part's mean loss weighs in the step's."""


class TrainLoader(Protocol):
    """An epoch at a time, a step at a time; what a step needs is made by `expand`.

    `parts` hands out tensors of few sizes and `expand` never asks the host, so that both the
    making of a batch and the learning from it can be recorded as one CUDA graph.
    """

    _dataset: InteractionDataset
    layout: tuple[int, ...]
    """Sizes that `expand` gives a batch, beside those of its fields."""

    def start(self, epoch: int) -> Epoch:
        """Plan an epoch; the same one whenever it is asked for again."""
        ...

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        """Yield each step's parts, on the model's device."""
        ...

    def expand(self, fields: Fields) -> Interaction:
        """Make a part's batch: inputs, targets and negatives."""
        ...


@dataclass(frozen=True)
class Loaders:
    """The three loaders and the dataset they were cut from."""

    dataset: InteractionDataset
    train: TrainLoader
    valid: HeldOutLoader
    test: HeldOutLoader


def build_loaders(config: BridgeConfig, files: AtomicFiles, ranks: Ranks | None = None) -> Loaders:
    """Read the interactions and build a loader per split.

    Args:
        config: From `build_config`.
        files: The files it was built for.
        ranks: The processes that share the work; None for one.
    """
    ranks = ranks or Ranks()
    dataset = InteractionDataset(config)
    cutter = HistoryCutter(dataset.histories, _place_of(config, len(dataset.histories.items)))
    train = PairLoader if config["training_mode"] == "pair" else WindowLoader
    held_out = [
        HeldOutLoader(config, dataset, cutter, split, c.KNOWN, ranks)
        for split in (c.VALID, c.TEST)
    ]
    return Loaders(dataset, train(config, dataset, cutter, ranks), *held_out)


def _place_of(config: BridgeConfig, interactions: int) -> torch.device:
    """Return where the flat arrays lie: on the model's device unless they would crowd it."""
    device = torch.device(config["device"])
    if device.type == "cpu" or config["histories"] == "device":
        return device
    free, _ = torch.cuda.mem_get_info(device)
    crowded = 4 * 12 * interactions > free
    at_home = config["histories"] == "host" or crowded
    return torch.device("cpu") if at_home else device


class _Epochs:
    """What both train loaders share: planning, and negatives beside the targets."""

    layout: tuple[int, ...] = ()

    def __init__(
        self,
        config: BridgeConfig,
        dataset: InteractionDataset,
        cutter: HistoryCutter,
        ranks: Ranks,
    ) -> None:
        self.config, self._dataset, self._cutter, self._ranks = config, dataset, cutter, ranks
        self.device = torch.device(config["device"])
        self.loss_type, self.negatives = config["loss_type"], config["negatives"]
        flat = dataset.histories
        if self.loss_type in ("BPR", "BCE"):
            self._unseen = UnseenItems(flat, dataset.user_num, dataset.item_num, self.device)
        elif self.loss_type == "sampled_CE":
            power = config["negative_power"]
            self._popular = PopularItems(flat, dataset.item_num, power, self.device)

    def _plan(self, users: Any, targets: Any, generator: np.random.Generator) -> Epoch:
        self._epoch = plan_epoch(
            users, targets, self.config["rows_per_step"], generator,
            self._ranks.rank, self._ranks.size, self.config["accumulate"],
        )  # fmt: skip
        return self._epoch

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self.config["seed"], epoch))

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        for step in self._epoch.parts[first_step:]:
            yield [to_device(self.fields(part), self.device) for part in step]

    def fields(self, part: Part) -> Fields:
        """Make the tensors of a part, its share of the step's targets among them."""
        return {**self._fields(part), SHARE: torch.tensor(part.share)}

    def _fields(self, part: Part) -> Fields:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._epoch)


class PairLoader(_Epochs):
    """User-item pairs with negatives, for models without a history."""

    def start(self, epoch: int) -> Epoch:
        """Shuffle the training pairs."""
        flat = self._dataset.histories
        self._pairs = np.flatnonzero(flat.splits == CODE[c.TRAIN])
        users = flat.users[self._pairs]
        return self._plan(users, np.ones_like(self._pairs), self._generator(epoch))

    def _fields(self, part: Part) -> Fields:
        flat, rows = self._dataset.histories, self._pairs[part.rows]
        columns = {c.USER: flat.users[rows], c.ITEM: flat.items[rows]}
        return {name: torch.from_numpy(x).long() for name, x in columns.items()}

    def expand(self, fields: Fields) -> Interaction:
        """Add negatives: labelled rows for BCE, a column for BPR."""
        users, items = fields[c.USER], fields[c.ITEM]
        drawn = self._unseen.draw(users, self.negatives).T.flatten()
        times = self.negatives
        if self.loss_type == "BCE":
            label = torch.cat([torch.ones_like(items), torch.zeros_like(drawn)]).float()
            columns = {c.USER: users.repeat(1 + times), c.ITEM: torch.cat([items, drawn])}
            return Interaction({**columns, self.config["LABEL_FIELD"]: label})
        negative = self.config["NEG_PREFIX"] + c.ITEM
        columns = {c.USER: users.repeat(times), c.ITEM: items.repeat(times)}
        return Interaction({**columns, negative: drawn})


class WindowLoader(_Epochs):
    """Windows or prefixes of histories."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.longest = self.config["MAX_ITEM_LIST_LENGTH"]
        self._packs, self._tokens, self._capacity = packs(self.config), 0, 0
        # Types, not devices: "cuda" and "cuda:0" differ.
        self._at_home = self._cutter.items.device.type != self.device.type

    def start(self, epoch: int) -> Epoch:
        """Cut the training rows, windows with borders of their own, and shuffle them."""
        generator, flat = self._generator(epoch), self._dataset.histories
        shift = int(generator.integers(max(self.longest // 2, 1)))
        if self.config["training_mode"] == "sequence":
            self._rows = flat.windows(self.longest, shift)
        else:
            self._rows = flat.prefixes(self.longest)
        plan = self._plan(flat.users[self._rows.start], self._rows.targets, generator)
        if self._packs:
            self._grow(plan)
        return plan

    def _grow(self, plan: Epoch) -> None:
        """Make room for the largest part; seldom, as a new size is a new CUDA graph."""
        parts = [part.rows for step in plan.parts for part in step]
        tokens = max(int(self._rows.length[rows].sum()) for rows in parts)
        if tokens > self._tokens:
            self._tokens = _round_up(tokens + tokens // 32, ROUND_TOKENS)
            self.layout = (self._tokens,)
        self._capacity = max(self._capacity, _round_up(max(map(len, parts)), ROUND_ROWS))

    def _fields(self, part: Part) -> Fields:
        rows = self._rows[part.rows]
        fields = row_fields(rows, self._capacity if self._packs else None)
        if self._packs:
            return self._cut(fields) if self._at_home else fields
        # A dense batch is as wide as its longest row: the width decides the size of the graph.
        width = int(rows.length.max(initial=1)) if self.device.type == "cpu" else self.longest
        return self._cut(fields, width)

    def _cut(self, fields: Fields, width: int = 0) -> Fields:
        on_device = to_device(fields, self._cutter.items.device)
        if self._packs:
            batch = self._cutter.packed(on_device, self._tokens, self.longest)
        else:
            batch = self._cutter.dense(on_device, width)
        return {**batch, c.USER: self._cutter.users_of(on_device)}

    def parts(self, first_step: int) -> Iterator[list[Fields]]:
        """Yield the steps' parts; `workers` cut and pin them if the arrays stay on the host."""
        workers = self.config["worker"]
        if not (self._at_home and workers):
            yield from super().parts(first_step)
            return
        source = _Steps(self, first_step)
        pinned = self.device.type == "cuda"
        for step in DataLoader(source, batch_size=None, num_workers=workers, pin_memory=pinned):
            yield [to_device(fields, self.device) for fields in step]

    def expand(self, fields: Fields) -> Interaction:
        """Cut the rows where they lie, and draw negatives."""
        batch = self._cut(fields) if batches.ITEM_LIST not in fields else fields
        if self.loss_type == "sampled_CE":
            drawn = self._popular.draw(self.negatives)
            batch = {**batch, batches.NEGATIVE_LIST: drawn, batches.LOG_Q: self._popular.log_q}
        elif self.loss_type == "BPR":
            users = self._users_of_targets(batch)
            batch = {**batch, batches.NEGATIVE_LIST: self._unseen.draw(users, self.negatives)}
        return Interaction(batch)

    def _users_of_targets(self, batch: Fields) -> Tensor:
        """Return the user of each input, shaped as the inputs."""
        users, inputs = batch[c.USER], batch[batches.ITEM_LIST]
        if batches.OFFSETS not in batch:
            return users[:, None].expand_as(inputs)
        place = torch.arange(len(inputs), device=inputs.device)
        row = torch.searchsorted(batch[batches.OFFSETS][1:], place, right=True)
        return users[row.clamp(max=len(users) - 1)]


class _Steps(Dataset[list[Fields]]):
    """Steps of a `WindowLoader` by number, for worker processes."""

    def __init__(self, loader: WindowLoader, first_step: int) -> None:
        self._loader, self._parts = loader, loader._epoch.parts[first_step:]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, step: int) -> list[Fields]:
        if step >= len(self._parts):
            raise IndexError(step)
        return [self._loader.fields(part) for part in self._parts[step]]


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple

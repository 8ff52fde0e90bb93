"""Item embeddings too large for one device: each process keeps some of the rows.

Rows, their gradient and the optimiser's state exist once, spread over the processes; everything
else of a model is in each of them. Positions stay where they are: ids travel to the rows, and what
was looked up travels back. The exchanges are DTensor's, forward and backward: a tensor is sharded,
replicated or a partial sum, and `redistribute` finds the collective that turns one into another.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard

from seqrec.ops.cross_entropy import NO_TARGET
from seqrec.ops.cross_entropy.partial import ELSEWHERE, partial_softmax
from seqrec.ops.seen import Seen, SeenTable
from seqrec.training.processes import Processes


class ShardedItems:
    """Which rows each process keeps, and what is computed with all of them.

    Every method is called by all processes together; each brings its own positions.

    Args:
        processes: Share the rows: process p has the p-th of equal blocks.
        n_items: Rows altogether.
        device: Where each process keeps its own.
    """

    def __init__(self, processes: Processes, n_items: int, device: torch.device) -> None:
        self._processes = processes
        self._mesh: DeviceMesh = init_device_mesh(device.type, (processes.count,))
        self._n_items = n_items
        self._block = -(-n_items // processes.count)

    def __deepcopy__(self, _: Any) -> ShardedItems:
        """Return itself: an average of the weights lies where the weights lie."""
        return self

    def rows_of(self, process: int) -> slice:
        """Return the rows that a process keeps."""
        first = min(process * self._block, self._n_items)
        return slice(first, min(first + self._block, self._n_items))

    @property
    def own(self) -> slice:
        """The rows that this process keeps."""
        return self.rows_of(self._processes.index)

    def lookup(self, items: Tensor, ids: Tensor) -> Tensor:
        """Look rows up wherever they are.

        Args:
            items: This process's rows,      (V / P, D).
            ids:   Any rows,                 (...).

        Returns:
            Their values, (..., D).
        """
        wanted = self._replicated(self._padded(ids.flatten(), 0))
        table = self._laid_out(items, Shard(0), (self._n_items, items.shape[1]))
        looked_up: Any = F.embedding(wanted, table)
        found: Tensor = looked_up.redistribute(self._mesh, [Shard(0)]).to_local()
        return found[: ids.numel()].view(*ids.shape, items.shape[1])

    def scores(self, items: Tensor, hidden: Tensor) -> Tensor:
        """Score every item.

        Args:
            items:  This process's rows,     (V / P, D).
            hidden: Hidden states,           (B, D).

        Returns:
            Dot products in float32, (B, V).
        """
        everyones = self._gathered(self._padded(hidden.float(), 0))
        part = everyones @ items.float().T
        sharded = self._laid_out(part, Shard(1), (len(everyones), self._n_items))
        scores: Tensor = sharded.redistribute(self._mesh, [Shard(0)]).to_local()
        return scores[: len(hidden)]

    def cross_entropy(
        self, hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None = None
    ) -> Tensor:
        """Compute the loss of `CrossEntropy`, of this process's positions.

        Each process scores the positions of all against its own rows.

        Args:
            hidden:  Hidden states,                 (T, D).
            items:   This process's rows,           (V / P, D).
            targets: Item to predict, 0 for none,   (T,).
            seen:    What positions leave out; None for nothing.
        """
        everyones = self._gathered(self._padded(hidden, 0))
        wanted = self._replicated(self._padded(targets, NO_TARGET)).to_local()
        own = self.own
        here = (wanted >= own.start) & (wanted < own.stop)
        rows = torch.where(here, wanted - own.start, ELSEWHERE)
        total, logit = partial_softmax(everyones, items, rows, self._seen_here(seen))
        by_process = self._laid_out(total[None], Shard(0), (self._processes.count, len(total)))
        totals = by_process.redistribute(self._mesh, [Shard(1)]).to_local()
        by_position = self._laid_out(logit, Partial(), (len(logit),))
        logits = by_position.redistribute(self._mesh, [Shard(0)]).to_local()
        learned = targets != NO_TARGET
        losses = (totals.logsumexp(0) - logits)[: len(targets)]
        return torch.where(learned, losses, 0.0).sum() / learned.sum().clamp(min=1)

    def whole(self, rows: Tensor) -> Tensor:
        """Collect everybody's rows on the host, (V, …)."""
        parts = []
        for process in range(self._processes.count):
            kept = self.rows_of(process)
            shape = (kept.stop - kept.start, *rows.shape[1:])
            mine = process == self._processes.index
            part = rows.detach().contiguous() if mine else rows.new_empty(shape)
            dist.broadcast(part, process)
            parts.append(part.cpu())
        return torch.cat(parts)

    def _seen_here(self, seen: Seen | None) -> SeenTable | None:
        """Note what the positions of all processes have seen of this process's items."""
        if seen is None:
            return None
        count = self._processes.largest(seen.histories, seen.items.device)
        nobody = count * self._processes.count
        first = count * self._processes.index

        def of_all(owners: Tensor) -> Tensor:
            own = torch.where(owners < seen.histories, owners + first, nobody)
            return self._everyones(own, nobody)

        items = self._everyones(seen.items, 0)
        own = self.own
        here = (items >= own.start) & (items < own.stop)
        everyones = Seen(
            of_all(seen.rows),
            self._everyones(seen.steps, 0),
            torch.where(here, items - own.start + 1, 0),  # 0 stays what it is: no item
            of_all(seen.owners),
            self._everyones(seen.since, 0),
            nobody,
            seen.max_seqlen,
        )
        table = everyones.table(own.stop - own.start + 1)
        return SeenTable(table.rows, table.steps, table.first[:, 1:])

    def _everyones(self, values: Tensor, filling: int) -> Tensor:
        gathered: Tensor = self._replicated(self._padded(values, filling)).to_local()
        return gathered

    def _padded(self, values: Tensor, filling: int) -> Tensor:
        """Fill up to as many as the process with the most has."""
        most = self._processes.largest(len(values), values.device)
        missing = (0, 0) * (values.dim() - 1) + (0, most - len(values))
        return F.pad(values, missing, value=filling)

    def _gathered(self, values: Tensor) -> Tensor:
        """Concatenate all processes' values; gradients are summed on their way back."""
        gathered: Tensor = self._replicated(values).to_local(grad_placements=[Partial()])
        return gathered

    def _replicated(self, values: Tensor) -> DTensor:
        shape = (len(values) * self._processes.count, *values.shape[1:])
        return self._laid_out(values, Shard(0), shape).redistribute(self._mesh, [Replicate()])

    def _laid_out(self, values: Tensor, how: Placement, shape: tuple[int, ...]) -> DTensor:
        """Say that what every process has is a part of one tensor."""
        size = torch.Size(shape)
        stride = torch.empty(size, device="meta").stride()
        return DTensor.from_local(
            values.contiguous(), self._mesh, [how], run_check=False, shape=size, stride=stride
        )


class ShardedEmbedding(nn.Embedding):
    """An embedding of which this process keeps some rows; its `weight` is those.

    Args:
        embedding: The whole one.
        shards: Which rows.
    """

    def __init__(self, embedding: nn.Embedding, shards: ShardedItems) -> None:
        own = embedding.weight.detach()[shards.own].clone()
        super().__init__(own.shape[0], own.shape[1], _weight=own)
        self.padding = embedding.padding_idx
        self.shards = shards

    def forward(self, ids: Tensor) -> Tensor:
        """Look rows up, (..., D); padding has a value and no gradient, as in torch's own."""
        found = self.shards.lookup(self.weight, ids)
        if self.padding is None:
            return found
        return torch.where((ids == self.padding)[..., None], found.detach(), found)


def shard_items(
    model: nn.Module, whole: nn.Embedding, processes: Processes, device: torch.device
) -> None:
    """Keep this process's rows of a model's item embedding, in its place.

    Args:
        model: The same in every process.
        whole: Its item embedding.
        processes: Share the rows.
        device: Where the model will be.
    """
    sharded = ShardedEmbedding(whole, ShardedItems(processes, len(whole.weight), device))
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child is whole:
                setattr(parent, name, sharded)


def sharded_parameters(model: nn.Module) -> dict[str, ShardedItems]:
    """Name the parameters of which processes keep some rows each."""
    return {
        f"{name}.weight": module.shards
        for name, module in model.named_modules()
        if isinstance(module, ShardedEmbedding)
    }


def own_weights(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take this process's rows of whole weights."""
    sharded = sharded_parameters(model)
    return {k: x[sharded[k].own] if k in sharded else x for k, x in weights.items()}


def whole_weights(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Collect the rows of all processes; called by all together."""
    sharded = sharded_parameters(model)
    return {k: sharded[k].whole(x) if k in sharded else x for k, x in weights.items()}

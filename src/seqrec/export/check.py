"""An exported program ranks as the model does, or it is not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.export.programs import STEP, Tensors
from seqrec.histories import batches as b
from seqrec.histories.features import feature_list
from seqrec.histories.held_out import HeldOutLoader
from seqrec.model_registry import ModelSpec
from seqrec.ranking.scoring import FullSortModel, target_ranks
from seqrec.tables import columns as c
from seqrec.training.step import Fields

TOP = 10
ENOUGH = 0.99
"""Share of users whose ranks must be equal: elsewhere two scores are as good as the same."""
STEPPED = 8
"""Histories that are read event by event, and the most events of each."""
EVENTS = 12

Run = Callable[[Tensors], Tensor]
"""A program: inputs by name to scores, (B, n_items)."""
Steps = Callable[[Tensors], tuple[Tensor, ...]]
"""A step: inputs by name to scores and the next state."""


@dataclass(frozen=True)
class Agreement:
    """How far a program's ranks are those of the model.

    Attributes:
        users: Users compared.
        equal_ranks: Users whose held-out item has the same rank; where nothing is held out, the
            model's first item.
        largest_rank_difference: Of those items.
        equal_lists: Users whose 10 best items are the same in the same order.
        largest_score_difference: Of any item.
    """

    users: int
    equal_ranks: int
    largest_rank_difference: float
    equal_lists: int
    largest_score_difference: float


@torch.inference_mode()
def compare(
    model: FullSortModel, loader: HeldOutLoader, spec: ModelSpec, run: Run, users: int | None
) -> Agreement:
    """Rank users' items by a model and by its program.

    Args:
        model: In evaluation mode.
        loader: Users in dense batches on the CPU.
        spec: The model's entry.
        run: The program.
        users: How many are enough, rounded up to whole batches; None for all.

    Raises:
        ProjectError: The program ranks otherwise.
    """
    columns: list[Tensor] = []
    for batch in loader:
        columns.append(_differences(model, batch, run(inputs_of(spec, batch))))
        if users is not None and sum(map(len, columns)) >= users:
            break
    ranks, lists, scores = torch.cat(columns).unbind(1)
    found = Agreement(
        users=len(ranks),
        equal_ranks=int((ranks == 0).sum()),
        largest_rank_difference=float(ranks.max()),
        equal_lists=int(lists.sum()),
        largest_score_difference=float(scores.max()),
    )
    if found.equal_ranks < ENOUGH * found.users:
        raise ProjectError(
            f"the exported program of {spec.name} ranks otherwise than the model for "
            f"{found.users - found.equal_ranks} of {found.users} users ({asdict(found)}): it is "
            "not kept; please report this with the model's config.json"
        )
    return found


def inputs_of(spec: ModelSpec, batch: Fields) -> Tensors:
    """Take a program's inputs out of a batch."""
    if not spec.uses_history:
        return {"users": batch[c.USER]}
    inputs = {"items": batch[b.ITEM_LIST], "lengths": batch[b.LENGTH]}
    if spec.uses_time:
        inputs["intervals"] = batch[b.DELTA_LIST]
    for name in spec.features:
        column = batch[feature_list(name)]
        inputs[name] = column if column.is_floating_point() else column.long()
    return inputs


def _differences(model: FullSortModel, batch: Fields, ours: Tensor) -> Tensor:
    """Compare scores: by how much the rank differs, whether the list does not, scores, (B, 3)."""
    theirs = model.full_sort_predict(batch).view(len(ours), -1).clone()
    theirs[:, 0] = -torch.inf
    held_out = batch[c.ITEM]
    targets = torch.where(held_out > 0, held_out, theirs.argmax(1))
    ranks = [target_ranks(scores, targets)[0] for scores in (ours, theirs)]
    count = min(TOP, theirs.shape[1] - 1)
    lists = [scores.topk(count).indices for scores in (ours, theirs)]
    same = (lists[0] == lists[1]).all(1)
    furthest = (ours - theirs)[:, 1:].abs().amax(1)
    return torch.stack([(ranks[0] - ranks[1]).abs(), same.double(), furthest.double()], dim=1)


@torch.inference_mode()
def compare_steps(
    score: Run, step: Steps, state: Tensors, loader: HeldOutLoader, spec: ModelSpec
) -> dict[str, float]:
    """Read some histories event by event, and hold the last scores against those of the whole.

    Args:
        score: The program for whole histories.
        step: The program for one event.
        state: Zeros of a state, a batch of one, by name.
        loader: Users in dense batches.
        spec: The model's entry.

    Raises:
        ProjectError: They differ.
    """
    furthest = 0.0
    count = 0
    for whole in _short_histories(inputs_of(spec, next(iter(loader)))):
        scores = torch.empty(0)
        now = dict(state)
        for event in _events(whole):
            scores, *after = step({**event, **now})
            now = dict(zip(state, after, strict=True))
        difference = (scores - score(whole))[:, 1:].abs().max()
        furthest = max(furthest, float(difference))
        count += 1
    if not furthest < 1e-2:
        raise ProjectError(
            f"the exported {STEP} of {spec.name} gives other scores than whole histories, by up "
            f"to {furthest:.3g}: it is not kept; please report this with the model's config.json"
        )
    return {"histories": count, "largest_score_difference": furthest}


def _short_histories(inputs: Tensors) -> Iterator[Tensors]:
    """Take the first events of the first rows, one row at a time."""
    for row in range(min(STEPPED, len(inputs["lengths"]))):
        length = min(int(inputs["lengths"][row]), EVENTS)
        columns = {k: x[row : row + 1, :length] for k, x in inputs.items() if x.dim() == 2}
        yield {**columns, "lengths": torch.tensor([length])}


def _events(whole: Tensors) -> Iterator[Tensors]:
    """Yield a history's events as a step takes them."""
    intervals = whole["intervals"]
    features = {k: whole[k] for k in ("rating", "week") if k in whole}
    for place in range(intervals.shape[1]):
        event = {"items": whole["items"][:, place]}
        if features:  # SS4Rec+ reads an event when it happens, SS4Rec when it is known how long
            event["first"] = torch.tensor([place == 0])
            event["before"] = intervals[:, max(place - 1, 0)]
            event["until"] = intervals[:, place]
            event |= {name: x[:, place] for name, x in features.items()}
        else:
            event["intervals"] = intervals[:, place]
        yield event


def describe(agreement: Agreement) -> dict[str, Any]:
    """Return plain JSON values."""
    return asdict(agreement)

"""Full ranking: scores of all items and the rank of the held-out one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from seqrec.histories.batches import TIED_LIST
from seqrec.tables import columns as c

ScoreRange = Callable[[slice], Tensor]
"""Scores a range of items, with a start and a stop, for each row of a batch, (B, stop − start)."""


class FullSortModel(Protocol):
    """What can be ranked with: a model that scores every item for each row of a batch."""

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """Score every item, (B, n_items)."""
        ...


class RangeModel(Protocol):
    """What can score some of the items: nothing as large as all of them need exist."""

    def score_in_ranges(self, interaction: Any) -> ScoreRange:
        """Return what scores a range of items."""
        ...


def full_sort_scores(model: FullSortModel, batch: Any, n_items: int) -> Tensor:
    """Score every item; padding gets −inf.

    Where several items are right answers (tie policy ``group``), the held-out one gets the best
    of their scores and the others get −inf: any of them counts, and none ranks above another.

    Takes and raises what `finite_scores` does.

    Returns:
        Scores of the candidates, (B, n_items).
    """
    scores = finite_scores(model, batch, n_items).clone()
    scores[:, 0] = -torch.inf
    if TIED_LIST in batch:
        target = batch[c.ITEM][:, None]
        tied = batch[TIED_LIST]
        best = scores.gather(1, torch.cat([target, tied], dim=1)).amax(1, keepdim=True)
        scores.scatter_(1, tied, -torch.inf).scatter_(1, target, best)
    return scores


def finite_scores(model: FullSortModel, batch: Any, n_items: int) -> Tensor:
    """Score every item as the model does.

    RecBole's Trainer falls back to pair-wise `predict` on any NotImplementedError and lets NaN
    rank first; here both stop the run.

    Args:
        model: A recommender.
        batch: A batch on the model's device, by field.
        n_items: Items, padding included.

    Returns:
        Scores, (B, n_items).

    Raises:
        FloatingPointError: A score is NaN or infinite.
    """
    scores = model.full_sort_predict(batch).view(-1, n_items)
    if not torch.isfinite(scores).all():
        raise FloatingPointError(f"{type(model).__name__} gave scores that are NaN or infinite")
    return scores


def target_ranks(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Rank the held-out item among the candidates; ties share their mean rank.

    Args:
        scores:  −inf where an item is no candidate,  (B, n_items).
        targets: Held-out item,                       (B,).

    Returns:
        ranks:      1 is best; a constant scorer gets the middle,  (B,), float64.
        candidates: Items ranked, the target included,             (B,).
    """
    target = scores.gather(1, targets[:, None])
    above = (scores > target).sum(1)
    tied = (scores == target).sum(1) - 1
    return 1.0 + above.double() + tied.double() / 2, (scores > -torch.inf).sum(1)

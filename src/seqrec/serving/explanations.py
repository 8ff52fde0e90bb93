"""Why an item is listed: what its score would be if an event had not happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.serving.catalogue import Catalogue
from seqrec.serving.scorers import Query, Scorer

MOST = 200
"""Latest events that are left out in turn."""


@dataclass(frozen=True)
class Reason:
    """An event and what it did.

    Attributes:
        item: Id of the event's item.
        title: Its title.
        time: When it happened, Unix seconds.
        effect: Log-probability of the explained item with the event less that without it; above 0
            if the event speaks for the item.
    """

    item: str
    title: str
    time: int
    effect: float


def explain_item(
    scorer: Scorer, catalogue: Catalogue, row: int, query: Query, k: int
) -> list[Reason]:
    """Leave each event out in turn and see what an item's log-probability becomes.

    Args:
        scorer: A model of histories.
        catalogue: Its items.
        row: The item to explain.
        query: The history and the time of the question.
        k: Most events to name.

    Returns:
        Events by the size of their effect, the largest first.

    Raises:
        ProjectError: There is no second event: nothing would be left.
    """
    history = query.history
    if len(history) < 2:
        raise ProjectError("a history of two events or more is needed: one is left out in turn")
    places = range(max(0, len(history) - MOST), len(history))
    everything = np.arange(len(history))
    without = [Query(history[everything != place], None, query.at) for place in places]
    logs = log_probabilities(scorer.score([query, *without]))[:, row]
    effects = (logs[0] - logs[1:]).tolist()
    order = sorted(range(len(effects)), key=lambda i: -abs(effects[i]))[:k]
    return [_reason(catalogue, query, places[i], effects[i]) for i in order]


def log_probabilities(scores: Tensor) -> Tensor:
    """Return the log of the softmax over all items, (B, n_items); padding gets −inf."""
    scores = scores.double()
    scores[:, 0] = -torch.inf
    return scores.log_softmax(1)


def _reason(catalogue: Catalogue, query: Query, place: int, effect: float) -> Reason:
    item = catalogue[int(query.history.items[place])]
    return Reason(item.id, item.title, int(query.history.times[place]), effect)

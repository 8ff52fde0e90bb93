"""Several models as one: the mean of the log-probabilities that they give the items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from seqrec.histories.batches import TIED_LIST
from seqrec.histories.held_out import HeldOutLoader
from seqrec.ranking.scoring import FullSortModel, finite_scores
from seqrec.tables import columns as c
from seqrec.training.step import Fields

_SHARED = (c.USER, c.ITEM, TIED_LIST)
"""Fields that do not depend on the model."""


class EnsembleLoader:
    """Batches of the same users for several models, each with histories cut as it was trained.

    Args:
        loaders: One for each member, over the same interactions and in batches of the same size.
        uses_time: Of each member, whether intervals change its scores.
    """

    def __init__(self, loaders: Sequence[HeldOutLoader], uses_time: Sequence[bool]) -> None:
        self.loaders = loaders
        self.uses_time = uses_time
        self.feed = loaders[0].feed
        self.split = loaders[0].split

    def __len__(self) -> int:
        """Count the batches, which are as many for each member."""
        return len(self.loaders[0])

    def at(self, query_time: str) -> EnsembleLoader:
        """Return the loader with another query time for the members that use time."""
        moved = [
            loader.at(query_time) if uses else loader
            for loader, uses in zip(self.loaders, self.uses_time, strict=True)
        ]
        return EnsembleLoader(moved, self.uses_time)

    def __iter__(self) -> Iterator[Fields]:
        """Yield batches: user, held-out item, tied items, and each member's own fields."""
        for batches in zip(*self.loaders, strict=True):
            shared = {name: batches[0][name] for name in _SHARED if name in batches[0]}
            yield {**shared, **_side_by_side(batches)}


class Ensemble:
    """Scores items by the mean over members of the log of their softmax over all items.

    It is computed in float64: two scores of a member that differ still do. Members that do not
    use time are asked once for the same users in a row, whatever the query time.

    Args:
        members: In evaluation mode, on one device, in the order of `EnsembleLoader`.
        uses_time: Of each member, whether intervals change its scores.
        n_items: Items, padding included.
    """

    def __init__(
        self, members: Sequence[FullSortModel], uses_time: Sequence[bool], n_items: int
    ) -> None:
        self.members = members
        self.n_items = n_items
        self._timed = [place for place, uses in enumerate(uses_time) if uses]
        self._timeless = [place for place, uses in enumerate(uses_time) if not uses]
        self._last: tuple[Tensor, Tensor] | None = None

    def full_sort_predict(self, interaction: Fields) -> Tensor:
        """Score every item; padding gets 0.

        Args:
            interaction: A batch of `EnsembleLoader`.

        Returns:
            Mean log-probabilities, (B, n_items), float64.

        Raises:
            FloatingPointError: A member's score is NaN or infinite.
        """
        total = self._without_time(interaction).clone()
        for place in self._timed:
            total += self._log_probabilities(interaction, place)
        return total.div_(len(self.members))

    def _without_time(self, batch: Fields) -> Tensor:
        """Sum up the members that do not use time, or take the last sum for the same users."""
        users = batch[c.USER]
        if self._last is None or not torch.equal(self._last[0], users):
            shape = (len(users), self.n_items)
            total = torch.zeros(shape, dtype=torch.float64, device=users.device)
            for place in self._timeless:
                total += self._log_probabilities(batch, place)
            self._last = users, total
        return self._last[1]

    def _log_probabilities(self, batch: Fields, place: int) -> Tensor:
        scores = finite_scores(self.members[place], _of_member(batch, place), self.n_items)
        logs = torch.zeros_like(scores, dtype=torch.float64)
        logs[:, 1:] = torch.log_softmax(scores[:, 1:], dim=1, dtype=torch.float64)
        return logs


def _side_by_side(batches: Sequence[Fields]) -> Fields:
    """Put the members' fields into one batch, each name behind its member's place."""
    return {
        f"{place}.{name}": value
        for place, batch in enumerate(batches)
        for name, value in batch.items()
    }


def _of_member(batch: Fields, place: int) -> Fields:
    """Take one member's fields out again."""
    prefix = f"{place}."
    return {
        name.removeprefix(prefix): value
        for name, value in batch.items()
        if name.startswith(prefix)
    }

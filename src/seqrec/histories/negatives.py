"""Negative items, drawn where the batch is: no loop, no rejection, no host."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seqrec.histories.arrays import CODE, Histories
from seqrec.tables import columns as c


class UnseenItems:
    """Draws items that a user has not interacted with in training, all equally likely.

    The r-th unseen item of a user is found by counting: with the user's items sorted,
    a_0 < a_1 < …, a_k has a_k − 1 − k unseen items before it, so the r-th unseen one is
    r + 1 + (how many k have a_k − 1 − k ≤ r). RecBole draws, tests and draws again on the host.

    Args:
        histories: All interactions; those of the training split are seen.
        n_users: Users, padding included.
        n_items: Items, padding included.
        device: Where to draw.

    Attributes:
        exhausted: Whether a user has seen every item: nothing can be drawn then, (n_users,).
    """

    def __init__(
        self, histories: Histories, n_users: int, n_items: int, device: torch.device | str
    ) -> None:
        train = histories.splits == CODE[c.TRAIN]
        seen = np.unique(
            histories.users[train].astype(np.int64) * n_items + histories.items[train]
        )
        users, items = np.divmod(seen, n_items)
        counts = np.bincount(users, minlength=n_users)
        unseen = n_items - 1 - counts
        self.exhausted = unseen == 0
        first = np.cumsum(counts) - counts
        before = items - 1 - (np.arange(len(seen)) - first[users])
        self._keys, self._first, self._unseen = (
            torch.from_numpy(x).to(device) for x in (users * n_items + before, first, unseen)
        )
        self._n_items = n_items

    def draw(self, users: Tensor, count: int) -> Tensor:
        """Draw for each user.

        Args:
            users: Any shape, none of them exhausted; padding (0) draws from all items.
            count: Items for each.

        Returns:
            Item ids, (*users.shape, count).
        """
        user = users[..., None].expand(*users.shape, count)
        unseen = self._unseen[user]
        share = torch.rand(user.shape, device=user.device, dtype=torch.float64)
        r = torch.minimum((share * unseen).long(), unseen - 1)
        smaller = torch.searchsorted(self._keys, user * self._n_items + r, right=True)
        return r + 1 + smaller - self._first[user]


class PopularItems:
    """Draws one set of items for a whole batch, the popular ones more often.

    Args:
        histories: All interactions; those of the training split count.
        n_items: Items, padding included.
        power: q(i) ∝ (count + 1)^power; 0 is uniform.
        device: Where to draw.
    """

    def __init__(
        self, histories: Histories, n_items: int, power: float, device: torch.device | str
    ) -> None:
        train = histories.splits == CODE[c.TRAIN]
        counts = np.bincount(histories.items[train], minlength=n_items).astype(np.float64)
        weight = (counts + 1) ** power
        weight[0] = 0.0
        self._q = torch.from_numpy(weight / weight.sum()).float().to(device)

    @property
    def log_q(self) -> Tensor:
        """Log-probability of each item, (n_items,); padding, which is never drawn, has 0."""
        return torch.where(self._q > 0, self._q.clamp(min=1e-30).log(), 0.0)

    def draw(self, count: int) -> Tensor:
        """Draw item ids, (count,), with replacement."""
        return torch.multinomial(self._q, count, replacement=True)

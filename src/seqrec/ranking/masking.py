"""One rule for what a model may recommend, the same for every model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.histories.arrays import CODE, Histories


class HistoryMask:
    """Takes a user's earlier items out of the candidates, the held-out item excepted.

    RecBole masks general models and not sequential ones, which on ML-100K is worth a factor of
    two. The full history is masked, not only the part a model's window shows.

    Args:
        histories: All interactions, in order of time within a user.
        split: The split to rank: `valid` masks train, `test` masks train and valid; None masks
            all there is.
        n_users: Rows, padding included.
        device: Where scores are.
    """

    def __init__(
        self,
        histories: Histories,
        split: str | None,
        n_users: int,
        device: torch.device | str = "cpu",
    ) -> None:
        earlier = np.add.reduceat(
            (histories.splits < (CODE[split] if split else len(CODE))).astype(np.int64),
            histories.offsets,
        )
        first, counts = np.zeros(n_users, np.int64), np.zeros(n_users, np.int64)
        owners = histories.users[histories.offsets]
        first[owners], counts[owners] = histories.offsets, earlier
        self._counts_on_host = counts
        self._first, self._counts, self._items = (
            torch.from_numpy(np.require(x, requirements="W")).to(device)
            for x in (first, counts, histories.items)
        )

    def apply(self, scores: Tensor, users: Tensor, targets: Tensor) -> Tensor:
        """Return scores with −inf for the history.

        Args:
            scores:  A score per item,      (B, n_items).
            users:   User of each row,      (B,).
            targets: Held-out item,         (B,).

        Returns:
            A new tensor, (B, n_items).
        """
        masked = scores.clone()
        masked[self.seen(users)] = -torch.inf
        keep = torch.arange(len(users), device=scores.device)
        masked[keep, targets] = scores[keep, targets]
        return masked

    def seen(self, users: Tensor, total: int | None = None) -> tuple[Tensor, Tensor]:
        """Return what users have seen, as places of a matrix with a row for each of them.

        Args:
            users: Ids,                                                    (B,).
            total: How many places there are, from `count`: with it a GPU is not waited for.

        Returns:
            Rows and items, (S,) each.
        """
        counts = self._counts[users]
        rows = torch.arange(len(users), device=users.device)
        row = rows.repeat_interleave(counts, output_size=total)
        within = torch.arange(len(row), device=users.device) - (counts.cumsum(0) - counts)[row]
        return row, self._items[self._first[users][row] + within].long()

    def count(self, users: NDArray[np.int32]) -> int:
        """Count what users have seen together, without asking the device.

        Args:
            users: Ids, (B,).
        """
        return int(self._counts_on_host[users].sum())

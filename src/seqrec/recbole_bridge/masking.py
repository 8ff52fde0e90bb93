"""One rule for what a model may recommend, the same for every model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seqrec import columns as c
from seqrec.recbole_bridge.histories import Histories

_EARLIER = {c.VALID: (c.TRAIN,), c.TEST: (c.TRAIN, c.VALID)}


class HistoryMask:
    """Takes a user's earlier items out of the candidates, the held-out item excepted.

    RecBole masks general models and not sequential ones, which on ML-100K is worth a factor of
    two. The full history is masked, not only the part a model's window shows.

    Args:
        histories: All interactions.
        split: The split to rank: `valid` masks train, `test` masks train and valid.
        n_users: Rows, padding included.
    """

    def __init__(self, histories: Histories, split: str, n_users: int) -> None:
        earlier = np.flatnonzero(np.isin(histories.splits, _EARLIER[split]))
        counts = np.bincount(histories.users[earlier], minlength=n_users)
        # Flat arrays are sorted by user, whose ids need not ascend.
        order = np.argsort(histories.users[earlier], kind="stable")
        self._items = torch.from_numpy(histories.items[earlier][order])
        self._ends = torch.from_numpy(np.cumsum(counts))
        self._counts = torch.from_numpy(counts)

    def apply(self, scores: Tensor, users: Tensor, targets: Tensor) -> Tensor:
        """Return scores with −inf for the history.

        Args:
            scores:  A score per item,      (B, n_items).
            users:   User of each row,      (B,).
            targets: Held-out item,         (B,).

        Returns:
            A new tensor, (B, n_items).
        """
        counts = self._counts[users.cpu()]
        row = torch.arange(len(users)).repeat_interleave(counts)
        within = torch.arange(len(row)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
        first = (self._ends - self._counts)[users.cpu()].repeat_interleave(counts)
        masked = scores.clone()
        masked[row.to(scores.device), self._items[first + within].to(scores.device)] = -torch.inf
        keep = torch.arange(len(users), device=scores.device)
        masked[keep, targets] = scores[keep, targets]
        return masked

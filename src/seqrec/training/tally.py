"""Losses and gradient norms: kept on the device, read seldom, and never NaN unnoticed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqrec.errors import ProjectError

READ_EVERY = 100
"""Steps between readings on a GPU: each one waits for the device."""


class DivergedError(ProjectError, FloatingPointError):
    """A loss or a gradient is NaN or infinite: continuing would spoil every weight."""


class Tally:
    """An epoch's sums.

    Args:
        names: Parameters, in the order of their norms.
        epoch: For messages.
        sums: What an interrupted part of the epoch came to, from `state`.
    """

    def __init__(self, names: list[str], epoch: int, sums: dict[str, Any] | None = None) -> None:
        self._names, self._epoch = names, epoch
        self._sums = sums or {"steps": 0, "loss": 0.0, "norm": 0.0, "largest": 0.0}
        self._unread: list[tuple[Tensor, Tensor]] = []

    def note(self, loss: Tensor, norms: Tensor) -> None:
        """Keep a step's figures; read them if it is time, or costs nothing."""
        self._unread.append((loss, norms))
        if not loss.is_cuda or len(self._unread) >= READ_EVERY:
            self.read()

    def read(self) -> None:
        """Add up what was noted.

        Raises:
            DivergedError: A loss or a gradient is NaN or infinite; names step and tensor.
        """
        if not self._unread:
            return
        losses = torch.stack([loss.double() for loss, _ in self._unread]).cpu()
        norms = torch.stack([norm.double() for _, norm in self._unread]).cpu()
        self._unread.clear()
        self._check(losses, norms)
        sums = self._sums
        for loss, norm in zip(losses.tolist(), norms.norm(dim=1).tolist(), strict=True):
            sums["steps"] += 1
            sums["loss"] += loss
            sums["norm"] += norm
            sums["largest"] = max(sums["largest"], norm)

    def _check(self, losses: Tensor, norms: Tensor) -> None:
        """Find the first step, and in it the first tensor, that is not finite."""
        figures = torch.cat([losses[:, None], norms], dim=1)
        bad = (~torch.isfinite(figures)).nonzero()
        if len(bad):
            step, column = bad[0].tolist()
            what = f"gradient of {self._names[column - 1]}" if column else "training loss"
            raise DivergedError(
                f"{what} is {figures[step, column].item()} in epoch {self._epoch}, step "
                f"{self._sums['steps'] + step}; no later weights were kept: lower learning_rate "
                "or set clip_grad_norm"
            )

    @property
    def state(self) -> dict[str, Any]:
        """The sums so far, plain JSON values."""
        return dict(self._sums)

    @property
    def loss(self) -> float:
        """Mean loss of the steps read."""
        return float(self._sums["loss"] / max(self._sums["steps"], 1))

    @property
    def row(self) -> dict[str, float]:
        """The epoch's columns of the history."""
        return {
            "loss": self.loss,
            "gradient_norm": self._sums["norm"] / max(self._sums["steps"], 1),
            "largest_gradient_norm": self._sums["largest"],
        }

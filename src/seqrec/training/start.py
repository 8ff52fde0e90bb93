"""Where a training's weights and its number of epochs come from, if not from its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqrec.models.artifact import KeptTraining


@dataclass(frozen=True)
class ForUse:
    """A training in which nothing is held out: the model is used, not measured.

    Attributes:
        epochs: How many are trained.
        chosen_by: The version whose validation chose them; None if somebody else did.
        metric: What it validated.
        score: Its best validation.
    """

    epochs: int
    chosen_by: str | None = None
    metric: str | None = None
    score: float | None = None


@dataclass(frozen=True)
class Start:
    """What is known before a training.

    Attributes:
        for_use: Set where nothing is held out.
        before: The training that is gone on from; None: weights are drawn.
    """

    for_use: ForUse | None = None
    before: KeptTraining | None = None

    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint must share beside the experiment's record and the data."""
        return {"until": self.for_use.epochs} if self.for_use else {}


ANEW = Start()
"""Drawn weights, validated."""

"""What a training reports while it runs: it calls the callbacks that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochEnd:
    """An epoch was trained and, if something is held out for it, validated.

    Attributes:
        model: The model's name.
        row: The epoch's row of the training log.
        metric: What is validated, a key of `row` where something is.
        best: Whether it is the best so far.
    """

    model: str
    row: Mapping[str, float]
    metric: str
    best: bool

    @property
    def score(self) -> float:
        """The validated metric."""
        return self.row[self.metric]

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        return int(self.row["epoch"])


Callback = Callable[[EpochEnd], None]
"""Called after each validation; an exception ends the training."""


class Callbacks:
    """The callbacks of a run's trainings: hooks add theirs before the first node runs."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []

    def add(self, callback: Callback) -> None:
        """Have a function called with every `EpochEnd`."""
        self._callbacks.append(callback)

    def __call__(self, event: EpochEnd) -> None:
        """Call them all."""
        for callback in self._callbacks:
            callback(event)

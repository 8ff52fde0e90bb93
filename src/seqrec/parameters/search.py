"""What a search for hyper-parameters tries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from seqrec.parameters.base import Count, Frozen, Seed


class Range(Frozen):
    """Values between two bounds; whole numbers if both bounds are."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="Orders of magnitude are equally likely.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("a range needs low < high, and low > 0 if log")
        return self

    def ends(self) -> tuple[int | float, ...]:
        """Return the outermost values."""
        return self.low, self.high


class Choice(Frozen):
    """One of several values."""

    choices: tuple[bool | int | float | str, ...] = Field(min_length=2)

    def ends(self) -> tuple[bool | int | float | str, ...]:
        """Return every value."""
        return self.choices


class Search(Frozen):
    """What a search tries."""

    trials: Count = Field(20, description="Finished trials, earlier runs' included.")
    minutes: float | None = Field(
        None,
        gt=0.0,
        le=10**6,
        description="Minutes a run may search; the trial that runs when they are over is stopped.",
    )
    epochs: Count | None = Field(
        None, description="Most epochs of a trial; None: those of the model's training."
    )
    seed: Seed = 2026
    space: dict[Literal["model", "training"], dict[str, Range | Choice]]

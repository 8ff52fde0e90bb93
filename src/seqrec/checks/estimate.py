"""Time and cost of a run, estimated from the rehearsal's speed."""

from __future__ import annotations

from seqrec.checks.check import Check
from seqrec.parameters import Training


def check_estimate(
    speeds: dict[str, float],
    trainings: dict[str, Training],
    ratings: int,
    dollars_per_hour: float | None,
) -> Check:
    """Estimate an upper bound of time and cost: without early stopping.

    Args:
        speeds: Targets per second, by model.
        trainings: How each is trained.
        ratings: Interactions of the dataset before it is filtered.
        dollars_per_hour: Price of the machine; None if unknown.
    """
    epochs = {name: ratings / speed for name, speed in speeds.items()}
    seconds = sum(epochs[name] * trainings[name].epochs for name in epochs)
    each = ", ".join(
        f"{name} {epochs[name]:.1f} s × at most {trainings[name].epochs} epochs" for name in epochs
    )
    expected = f"at most {duration(seconds)}"
    cost = "" if dollars_per_hour is None else f", ${seconds / 3600 * dollars_per_hour:.2f}"
    detail = f"{expected}{cost} of training ({each}); early stopping usually ends sooner"
    return Check("estimate", True, detail, {"expected": expected + cost, "seconds": seconds})


def duration(seconds: float) -> str:
    """Write seconds in a readable unit.

    >>> duration(42), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""The learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seqrec.parameters import Training


def learning_rate_factor(training: Training, step: int, progress: float) -> float:
    """Return what the learning rate is multiplied by in a step.

    The cosine follows the share of epochs that is done, not steps: an epoch's number of steps
    changes with its windows.

    Args:
        training: `warmup_steps` in which it rises in a straight line; `schedule`: ``constant``,
            or ``cosine`` down to 0.
        step: Steps taken since training began.
        progress: Share of all epochs that is done, in [0, 1).
    """
    warmup = training.warmup_steps
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    fall = (1 + math.cos(math.pi * progress)) / 2 if training.schedule == "cosine" else 1.0
    return rise * fall


def make_schedule(
    optimizer: Optimizer, training: Training, now: Callable[[], tuple[int, float]]
) -> LambdaLR:
    """Schedule an optimiser's learning rate; ``step()`` sets that of the step to come.

    Args:
        optimizer: Has the peak learning rate.
        training: The schedule's parameters.
        now: Steps taken and the share of all epochs done.
    """
    return LambdaLR(optimizer, lambda _: learning_rate_factor(training, *now()))

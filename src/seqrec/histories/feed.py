"""What loaders cut batches from: the flat arrays, where they lie, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seqrec.histories.arrays import Histories
from seqrec.histories.batches import HistoryCutter
from seqrec.parameters import Training
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes


@dataclass(frozen=True)
class Feed:
    """The interactions of a training, on a device.

    Attributes:
        histories: All interactions.
        cutter: Cuts batches where they lie.
        n_users: Users, padding included.
        n_items: Items, padding included.
        experiment: What is trained on them.
        processes: Share users and rows.
        packed: Whether batches have no padding.
        unknown_interval: What stands for the time until a query of which nobody knows when it is
            asked; None for the user's median gap.
    """

    histories: Histories
    cutter: HistoryCutter
    n_users: int
    n_items: int
    experiment: Experiment
    processes: Processes
    packed: bool
    unknown_interval: float | None = None

    @property
    def training(self) -> Training:
        """How the model is trained."""
        return self.experiment.training

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.experiment.device

    @property
    def max_length(self) -> int:
        """Longest history the model sees; at least 1, so that every query has a row."""
        return self.experiment.max_length or 1


def make_feed(
    histories: Histories,
    n_users: int,
    n_items: int,
    experiment: Experiment,
    processes: Processes,
    packed: bool,
    unknown_interval: float | None = None,
) -> Feed:
    """Put the interactions on the model's device, or on the host if they would fill it."""
    cutter = HistoryCutter(histories, _place_of(experiment, len(histories.items)))
    return Feed(
        histories, cutter, n_users, n_items, experiment, processes, packed, unknown_interval
    )


def _place_of(experiment: Experiment, interactions: int) -> torch.device:
    wanted = experiment.runtime.histories
    device = experiment.device
    if device.type == "cpu" or wanted == "device":
        return device
    free, _ = torch.cuda.mem_get_info(device)
    crowded = 4 * 12 * interactions > free
    return torch.device("cpu") if wanted == "host" or crowded else device

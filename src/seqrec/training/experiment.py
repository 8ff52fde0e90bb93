"""A training as it was asked for: parameters are handed on whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from seqrec.parameters import ModelParameters, Runtime, Training
from seqrec.training.devices import resolve_device


@dataclass(frozen=True)
class Experiment:
    """What is trained, how, and on which machine.

    Attributes:
        name: The model's namespace, shown in logs.
        model: Parameters of the network.
        training: How to train.
        runtime: The machine.
    """

    name: str
    model: ModelParameters
    training: Training
    runtime: Runtime

    @cached_property
    def device(self) -> torch.device:
        """Where the model lives.

        Raises:
            ProjectError: A GPU is asked for and there is none.
        """
        return resolve_device(self.runtime.device)

    @property
    def max_length(self) -> int | None:
        """Longest history the model sees; None if it reads none."""
        return getattr(self.model, "max_length", None)

    def record(self) -> dict[str, Any]:
        """Describe what is learned, as plain JSON values; the machine does not belong to it."""
        return {
            "name": self.name,
            "model": self.model.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }

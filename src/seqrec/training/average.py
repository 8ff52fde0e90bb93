"""A moving average of a model's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average that begins at the initial weights, a ← a + (1 − decay)(w − a).

    The arithmetic is that of torch's `AveragedModel` with `get_ema_multi_avg_fn`, bit for bit.
    That class walks through the modules and reads a counter from the device at every step, which
    costs more time than a small model's whole step on a GPU.

    Args:
        model: What learns; its tensors stay where they are.
        decay: Share of the average that stays.

    Attributes:
        module: A copy of the model that holds the average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(model)
        self._weight = 1 - decay
        self._averaged: list[Tensor] = [*self.module.parameters()]
        self._learning: list[Tensor] = [*model.parameters()]
        self._kept = list(self.module.buffers())
        self._current = list(model.buffers())

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the weights as they are; buffers are copied."""
        torch._foreach_lerp_(self._averaged, self._learning, self._weight)
        if self._kept:
            torch._foreach_copy_(self._kept, self._current)

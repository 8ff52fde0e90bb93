"""When the gradients of several processes are summed: after a backward pass, or while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from seqrec.training.processes import Processes

BUCKET_BYTES = 2**20
"""A message goes out when so much has gathered: smaller ones cost as much time."""

Sent = tuple[dist.Work, Tensor, list[Tensor]]
"""A message under way, its values, and where they belong."""


class DuringBackward:
    """Sums gradients over the processes while the rest of a backward pass runs.

    Args:
        parameters: What learns; their `grad` is used.
        processes: All of them run the same passes.
    """

    def __init__(self, parameters: Sequence[Tensor], processes: Processes) -> None:
        self._parameters = parameters
        self._processes = processes
        self._gathered: list[Tensor] = []
        self._sent: list[Sent] = []
        self._summing = False
        for parameter in parameters:
            register: Any = parameter.register_post_accumulate_grad_hook
            register(self._arrived)

    def __call__(self, loss: Tensor, summing: bool) -> tuple[Tensor, list[Tensor]]:
        """Run a backward pass.

        Args:
            loss: This process's share of a step's.
            summing: Whether the sums are wanted, or this process's gradients only.

        Returns:
            Loss and gradients, summed.
        """
        for parameter in self._parameters:
            parameter.grad = None
        self._summing = summing
        torch.autograd.backward(loss)
        total = loss.detach().clone()
        gradients = [self._of(parameter) for parameter in self._parameters]
        if summing:
            self._gathered.append(total)
            self._send()
            self._receive()
        return total, gradients

    def _of(self, parameter: Tensor) -> Tensor:
        """Return a gradient; one that no pass reaches is zero in all processes."""
        return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad

    def _arrived(self, parameter: Tensor) -> None:
        if not self._summing or parameter.grad is None:
            return
        self._gathered.append(parameter.grad)
        if sum(x.nbytes for x in self._gathered) >= BUCKET_BYTES:
            self._send()

    def _send(self) -> None:
        flat = torch.cat([x.reshape(-1) for x in self._gathered])
        work = dist.all_reduce(flat, async_op=True)
        self._sent.append((work, flat, self._gathered))
        self._gathered = []

    def _receive(self) -> None:
        for work, flat, places in self._sent:
            work.wait()
            parts = torch.split(flat, [x.numel() for x in places])
            values = [part.view_as(x) for part, x in zip(parts, places, strict=True)]
            torch._foreach_copy_(places, values)
        self._sent = []

"""Several processes that train one model together: who am I, sums, and one decision for all."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor

from seqrec.errors import RunInterruptedError
from seqrec.training.companions import Companions


@dataclass(frozen=True)
class Processes:
    """The processes that ``torchrun`` started; one if it did not.

    Attributes:
        index: This process.
        count: All of them.
        companions: Watches the others; None if there are none.
    """

    index: int = 0
    count: int = 1
    companions: Companions | None = field(default=None, compare=False)

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes, logs and shows progress."""
        return self.index == 0

    def add(self, tensors: list[Tensor]) -> None:
        """Sum tensors over all processes, in place and in one message."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([x.reshape(-1) for x in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [x.numel() for x in tensors])
        summed = [part.view_as(x) for part, x in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(tensors, summed)

    def largest(self, value: int, device: torch.device) -> int:
        """Return the largest of the processes' values: all decide alike."""
        return self.largest_of([value], device)[0]

    def largest_of(self, values: list[int], device: torch.device) -> list[int]:
        """Return the largest of the processes' values, of each in its place."""
        if self.count == 1:
            return values
        shared = torch.tensor(values, device=device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return [int(value) for value in shared.tolist()]

    def gather(self, rows: Tensor) -> Tensor:
        """Concatenate the processes' rows, which may differ in number, in order of process."""
        if self.count == 1:
            return rows
        parts: list[Tensor | None] = [None] * self.count
        dist.all_gather_object(parts, rows.cpu())
        return torch.cat([part for part in parts if part is not None])

    def part(self) -> None:
        """Go on alone: all processes have agreed to stop."""
        if self.companions:
            self.companions.leave()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say what it means if the others cannot be reached in the block.

        Raises:
            LostProcessError: Another process is gone; the error that came of it is its cause.
        """
        try:
            yield
        except (RuntimeError, RunInterruptedError) as error:
            # A launcher that sees one process die terminates the others.
            lost = self.companions.lost() if self.companions else None
            if lost is None:
                raise
            raise lost from error


_joined: list[Companions] = []
"""The others, once this process has joined them."""


def tell_failure(why: str) -> None:
    """Tell the other processes, if there are any, that this one ends by an error."""
    for companions in _joined:
        companions.fail(why)


def connect(device: torch.device) -> Processes:
    """Join the processes that ``torchrun`` started, if it did, until this process ends.

    Joined once: a group that is left and joined again finds the addresses of the first time.

    Args:
        device: Decides the transport: NCCL between GPUs, gloo elsewhere.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    if not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        _joined.append(Companions(dist.get_rank(), count))
        atexit.register(_joined[0].leave)
        atexit.register(dist.destroy_process_group)  # the last one registered is the first called
    return Processes(dist.get_rank(), count, _joined[0])

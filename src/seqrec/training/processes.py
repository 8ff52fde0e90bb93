"""Several processes that train one model together: who am I, sums, and one decision for all."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Processes:
    """The processes that ``torchrun`` started; one if it did not.

    Attributes:
        index: This process.
        count: All of them.
    """

    index: int = 0
    count: int = 1

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
        if self.count == 1:
            return value
        shared = torch.tensor(value, device=device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return int(shared)

    def gather(self, rows: Tensor) -> Tensor:
        """Concatenate the processes' rows, which may differ in number, in order of process."""
        if self.count == 1:
            return rows
        parts: list[Tensor | None] = [None] * self.count
        dist.all_gather_object(parts, rows.cpu())
        return torch.cat([part for part in parts if part is not None])


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
        atexit.register(dist.destroy_process_group)
    return Processes(dist.get_rank(), count)

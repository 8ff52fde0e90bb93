"""The device of a run, and how its matrix products round."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from seqrec.errors import ProjectError


def resolve_device(device: str) -> torch.device:
    """Turn ``auto`` into what the machine has; refuse a missing GPU.

    Args:
        device: ``cpu``, ``auto``, ``cuda`` or ``cuda:N``.

    Raises:
        ProjectError: A GPU is asked for and this torch sees none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"  # torchrun: a GPU for each process
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ProjectError(
            f"runtime.device is {device!r} but torch {torch.__version__} sees no CUDA device: "
            "use runtime.device=auto or cpu, or install a CUDA build of torch"
        )
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ProjectError(
            f"{device} is asked for and this machine has {torch.cuda.device_count()} GPUs: "
            "start no more processes (torchrun --nproc-per-node) than GPUs"
        )
    return chosen


@contextmanager
def matmul_precision(precision: str, device: torch.device) -> Iterator[None]:
    """Let float32 matrix products on a GPU round as ``runtime.precision`` says in the block."""
    before = torch.get_float32_matmul_precision()
    rounded = precision != "float32" and device.type == "cuda"
    torch.set_float32_matmul_precision("high" if rounded else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def peak_memory(device: torch.device) -> int:
    """Return the most bytes held so far: on a GPU, or by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # not on Windows, where the system keeps the peak elsewhere
        return int(psutil.Process().memory_info().rss)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

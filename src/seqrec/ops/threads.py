"""Compiled loops over a batch, shared out among torch's threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor


def serves(x: Tensor) -> bool:
    """Return whether the compiled loops can take a tensor: float32 on a CPU."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def in_threads(kernel: Callable[..., None], shared: Tensor, *per_row: Tensor) -> None:
    """Run a kernel that releases Python's lock on slices of a batch, one per thread.

    Args:
        kernel: Takes `shared` and slices of `per_row` as numpy arrays, and writes into them.
        shared: Given whole to every thread.
        *per_row: Contiguous, the batch first.
    """
    rows = len(per_row[0])
    if not rows:
        return
    whole = shared.numpy()
    arrays = [x.numpy() for x in per_row]
    parts = min(torch.get_num_threads(), rows)
    if parts == 1:  # a thread takes longer to start than a step to run
        kernel(whole, *arrays)
        return
    ends = np.linspace(0, rows, parts + 1).astype(int)

    def run(part: int) -> None:
        rows_of = slice(ends[part], ends[part + 1])
        kernel(whole, *(x[rows_of] for x in arrays))

    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(run, range(parts)))

"""Medians after warm-up, peak memory, and where they were taken."""

from __future__ import annotations

import csv
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]


def median_ms(
    work: Callable[[], object], device: str, repeats: int = 20, warmup: int = 5
) -> float:
    """Time one call in milliseconds: the median of `repeats` after `warmup`."""
    for _ in range(warmup):
        work()
    return statistics.median(_once(work, device) for _ in range(repeats))


def _once(work: Callable[[], object], device: str) -> float:
    if device == "cpu":
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1e3
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def peak_gib(work: Callable[[], object]) -> float:
    """Memory that torch's allocator holds at most during one call, GiB."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 2**30


def copy_bandwidth(device: str) -> float:
    """Measured bytes per second of a large device copy, read and written both counted."""
    source = torch.empty(2**28 if device == "cuda" else 2**26, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / (median_ms(lambda: target.copy_(source), device) / 1e3)


def hardware(device: str) -> str:
    """Name the device."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU {platform.machine()}, {torch.get_num_threads()} threads"


def commit() -> str:
    """Return the commit that is measured, marked if files differ from it.

    BENCH_COMMIT names it where the files have been copied without their history.
    """
    if "BENCH_COMMIT" in os.environ:
        return os.environ["BENCH_COMMIT"]
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def append_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Add rows to a CSV, with a header if it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        if new:
            writer.writeheader()
        writer.writerows(rows)

"""The disk has room for what a run writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from seqrec.checks.check import Check

BYTES_PER_RATING = 200
SPARE_GIB = 1.0


def check_disk(folder: Path, ratings: int) -> Check:
    """Compare the free disk below the data folder with what a run writes.

    Args:
        folder: Where runs write; it need not exist yet.
        ratings: Interactions before anything is filtered.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    needed = SPARE_GIB + BYTES_PER_RATING * ratings / 2**30
    detail = f"{free:.1f} GiB free in {folder}, {needed:.1f} GiB needed"
    return Check("disk", free >= needed, detail + ("" if free >= needed else "; make room"))

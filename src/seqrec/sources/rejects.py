"""What becomes of rows that are no interactions: they stop a run, or are set aside."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from pathlib import Path

from seqrec.engine.atomic_write import new_file
from seqrec.errors import ProjectError
from seqrec.sources.lines import BadRow

logger = logging.getLogger(__name__)


def refuse(path: Path, bad: list[BadRow], number: str) -> ProjectError:
    """Make the error that stops a run.

    Args:
        path: The file.
        bad: The first bad rows.
        number: How many there are.
    """
    lines = "; ".join(f"line {row.line}: {row.reason}" for row in bad)
    return ProjectError(
        f"{path}: {number} bad rows, {lines}; mend them, or set them aside with "
        "--params source.on_bad_rows=reject"
    )


def set_aside(path: Path, bad: Iterable[BadRow], rejects: Path) -> int:
    """Write bad rows with their lines and reasons into a file of their own.

    Args:
        path: The file they are from.
        bad: All of them.
        rejects: The file they go to.

    Returns:
        How many they are.
    """
    count = 0
    with new_file(rejects) as handle:
        writer = csv.writer(handle)
        writer.writerow(["line", "reason", "row"])
        for row in bad:
            writer.writerow([row.line, row.reason, row.text])
            count += 1
    logger.warning("%s: %d bad rows are set aside in %s", path, count, rejects)
    return count

"""What becomes of rows that are no interactions: they stop a run, or are set aside."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seqrec.engine.atomic_write import new_file
from seqrec.errors import ProjectError
from seqrec.sources.lines import NO_UTF8, BadRow

logger = logging.getLogger(__name__)


def refuse(
    path: Path, bad: list[BadRow], number: str, whole: bool = False, noun: str = "line"
) -> ProjectError:
    """Make the error that stops a run.

    Args:
        path: The file.
        bad: The first bad rows.
        number: How many there are.
        whole: No row is good: to set all of them aside would be no help.
        noun: What rows are numbered by.
    """
    shown = "; ".join(f"{noun} {row.line}: {row.reason}" for row in bad)
    remedy = "mend them, or set them aside with --params source.on_bad_rows=reject"
    if any(NO_UTF8 in row.reason for row in bad):
        remedy = f"save the file as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8), or {remedy}"
    if whole:
        return ProjectError(f"{path}: no row is an interaction, {shown}")
    return ProjectError(f"{path}: {number} bad rows, {shown}; {remedy}")


@contextmanager
def setting_aside(path: Path, bad: Iterable[BadRow], rejects: Path) -> Iterator[None]:
    """Write bad rows with their lines and reasons to a file, there only if the block ends well.

    Args:
        path: The file they are from.
        bad: All of them.
        rejects: The file they go to.
    """
    count = 0
    with new_file(rejects) as handle:
        writer = csv.writer(handle)
        writer.writerow(["line", "reason", "row"])
        for row in bad:
            writer.writerow([row.line, row.reason, row.text])
            count += 1
        yield
    logger.warning("%s: %d bad rows are set aside in %s", path, count, rejects)

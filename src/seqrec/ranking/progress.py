"""How far lists for everyone are: a bar on a terminal, a line in the log now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqrec.ranking.everyone import Lists

logger = logging.getLogger(__name__)

LINE_SECONDS = 30.0
"""Between lines of the log."""


def follow(parts: Iterator[Lists], name: str, total: int, shown: bool) -> Iterator[Lists]:
    """Tell how far parts are while handing them on.

    Args:
        parts: Lists of some users each, made as they are asked for.
        name: Of the model.
        total: Lists there will be.
        shown: False for no bar; it also stays away where there is no terminal.
    """
    started = told = time.perf_counter()
    done = 0
    with _bar(shown) as bar:
        task = bar.add_task(f"{name} lists", total=total)
        for part in parts:
            yield part
            done += len(part.users)
            bar.update(task, completed=done)
            if time.perf_counter() - told > LINE_SECONDS:
                logger.info("%s: %d of %d lists", name, done, total)
                told = time.perf_counter()
    logger.info("%s: %d lists in %.1f s", name, done, time.perf_counter() - started)


def _bar(shown: bool) -> Progress:
    # The console that Kedro logs to: a log line moves the bar down instead of tearing it.
    console = get_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
        redirect_stdout=False,
        redirect_stderr=False,
    )

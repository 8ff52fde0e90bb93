"""Bars that come when something takes long, below the log lines of the same console."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich import get_console
from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from seqrec.terminal.screen import is_screen

LONG_SECONDS = 2.0
"""What is done sooner gets no bar."""

BAR_WIDTH = 20
REFRESHES_PER_SECOND = 5

Thing = TypeVar("Thing")
Share = Callable[[], float | None]
"""Tells how much is done, 0 to 1; None if that is not known."""


class Bars(Progress):
    """Bars on the console that Kedro logs to: a log line moves them down and tears nothing.

    Bars may be begun within others; they are drawn below them.

    Args:
        *columns: What a bar consists of.
        shown: False for none; where there is no screen they stay away in any case.
        after: Seconds until they come; None: `LONG_SECONDS`.
    """

    def __init__(self, *columns: ProgressColumn, shown: bool, after: float | None = None) -> None:
        console = get_console()
        self._comes_at = time.monotonic() + (LONG_SECONDS if after is None else after)
        super().__init__(
            *columns,
            console=console,
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND,
            disable=not (shown and is_screen(console)),
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Draw nothing until it is worth it."""
        if time.monotonic() >= self._comes_at:
            yield from super().get_renderables()


class WaitingBar(Bars):
    """One bar for something whose length is known from outside, or not at all.

    Args:
        what: What is going on.
        shown: False for none.
    """

    def __init__(self, what: str, shown: bool) -> None:
        text, bar = TextColumn("{task.description}", markup=False), BarColumn(BAR_WIDTH)
        self.share: Share = lambda: None
        super().__init__(text, bar, TimeElapsedColumn(), shown=shown)
        self.add_task(what, total=None)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Ask how far it is, then draw."""
        share = self.share()
        for task in self.task_ids:
            self.update(task, total=share and 1.0, completed=share or 0.0)
        yield from super().get_renderables()


def track(things: Iterable[Thing], total: int, what: str, shown: bool) -> Iterator[Thing]:
    """Yield things under a bar that counts them.

    Args:
        things: What takes long together.
        total: How many they are.
        what: What is done with them.
        shown: False for no bar.
    """
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(BAR_WIDTH),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, shown=shown) as bars:
        task = bars.add_task(what, total=total)
        for thing in things:
            yield thing
            bars.advance(task)

"""Progress bars of a training."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from seqrec.terminal.bars import BAR_WIDTH, LONG_SECONDS, Bars

REFRESH_SECONDS = 0.25


class TrainingProgress:
    """Bars of epochs, of the present one's steps with loss and targets/s, and of its validation.

    Args:
        name: The model.
        epochs: The most there will be.
        shown: False for none; it also stays away where there is no terminal.
    """

    def __init__(self, name: str, epochs: int, shown: bool) -> None:
        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(BAR_WIDTH),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
        )
        self._bars = Bars(*columns, shown=shown, after=0.0)
        self._epochs = self._bars.add_task(f"{name} epochs", total=epochs, figures="")
        self._steps = self._bars.add_task("steps", total=None, figures="")
        self._users = self._bars.add_task("validation", total=None, figures="", visible=False)
        self._since = 0.0
        self._targets = 0
        self._drawn = 0.0

    def __enter__(self) -> TrainingProgress:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        self._bars.stop()

    def begin(self, epoch: int, step: int, steps: int) -> None:
        """Begin an epoch, or resume in its middle."""
        self._bars.update(self._epochs, completed=epoch)
        self._bars.reset(self._steps, total=steps, completed=step, figures="")
        self._since = time.perf_counter()
        self._targets = 0
        self._drawn = 0.0

    def advance(self, targets: int, loss: float) -> None:
        """Count a step."""
        now, self._targets = time.perf_counter(), self._targets + targets
        self._bars.advance(self._steps)
        if now - self._drawn > REFRESH_SECONDS:
            speed = self._targets / max(now - self._since, 1e-9)
            figures = f"loss {loss:.4f} {speed:,.0f}/s"
            self._bars.update(self._steps, figures=figures)
            self._drawn = now

    def begin_validation(self, batches: int) -> None:
        """Begin to rank users; the bar comes if that takes long."""
        self._bars.reset(self._users, total=batches, figures="", visible=False)
        self._since = time.perf_counter()

    def advance_validation(self) -> None:
        """Count a batch of users."""
        long = time.perf_counter() - self._since > LONG_SECONDS
        self._bars.update(self._users, advance=1, visible=long)

    def end_validation(self) -> None:
        """Take its bar away."""
        self._bars.update(self._users, visible=False)

"""Progress bars of a training."""

from __future__ import annotations

import time
from types import TracebackType

from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

REFRESH_SECONDS = 0.25


class TrainingProgress:
    """Two bars: epochs, and the steps of the present one with loss, targets/s and time left.

    Args:
        name: The model.
        epochs: The most there will be.
        shown: False for none; it also stays away where there is no terminal.
    """

    def __init__(self, name: str, epochs: int, shown: bool) -> None:
        # The console that Kedro logs to: a log line moves the bars down instead of tearing them.
        console = get_console()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._epochs = self._bars.add_task(f"{name} epochs", total=epochs, figures="")
        self._steps = self._bars.add_task("steps", total=None, figures="")
        self._since, self._targets = 0.0, 0

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
        self._since, self._targets, self._drawn = time.perf_counter(), 0, 0.0

    def advance(self, targets: int, loss: float) -> None:
        """Count a step."""
        now, self._targets = time.perf_counter(), self._targets + targets
        self._bars.advance(self._steps)
        if now - self._drawn > REFRESH_SECONDS:
            speed = self._targets / max(now - self._since, 1e-9)
            figures = f"loss {loss:.4f}  {speed:,.0f} targets/s"
            self._bars.update(self._steps, figures=figures)
            self._drawn = now

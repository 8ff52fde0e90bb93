"""A signal ends a run as an error does, so that every hook can close what it opened."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl

from seqrec.errors import RunInterruptedError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class InterruptionHooks:
    """Turn SIGTERM and Ctrl-C into `RunInterruptedError` while nodes run.

    Kedro calls its hooks on exceptions, but not on signals. A training has handlers of its own
    while it trains: it writes a checkpoint first.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Catch the signals: only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, _raise) for number in SIGNALS}

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Leave the signals as they were."""
        self._restore()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Leave the signals as they were."""
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def _raise(number: int, _: FrameType | None) -> None:
    name = signal.Signals(number).name
    raise RunInterruptedError(
        f"stopped by {name}: nothing half-written stays; type the same command again"
    )

"""A signal ends a run as an error does, so that every hook can close what it opened."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl

from seqrec.errors import RunInterruptedError
from seqrec.training.signals import SAME_WISH_SECONDS, catchable

RETRY_SECONDS = 0.05
LONGEST_IMPORT_SECONDS = 60.0


class InterruptionHooks:
    """Turn SIGTERM, SIGHUP and Ctrl-C into `RunInterruptedError` while nodes run.

    Kedro calls its hooks on exceptions, but not on signals. A training has handlers of its own
    while it trains: it writes a checkpoint first.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._came_at = 0.0
        self._raised = False

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Catch the signals: only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            self._came_at = 0.0
            self._raised = False
            self._before = {number: signal.signal(number, self._obey) for number in catchable()}

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

    def _obey(self, number: int, frame: FrameType | None) -> None:
        """Raise, but not amid an import, and once for signals that come together."""
        now = time.monotonic()
        self._came_at = self._came_at or now
        if not self._raised and _is_importing(frame) and self._may_wait(now):
            # An exception in a library that is half imported can abort the process.
            _send_again(number)
        elif not self._raised or now - self._came_at > SAME_WISH_SECONDS:
            self._raised = True
            self._came_at = now
            name = signal.Signals(number).name
            raise RunInterruptedError(
                f"stopped by {name}: nothing half-written stays; type the same command again"
            )

    def _may_wait(self, now: float) -> bool:
        return now - self._came_at < LONGEST_IMPORT_SECONDS


def _is_importing(frame: FrameType | None) -> bool:
    """Tell whether a signal has come while a module is being imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _send_again(number: int) -> None:
    timer = threading.Timer(RETRY_SECONDS, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()

"""A signal ends a run as an error does, so that every hook can close what it opened."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl

from seqrec.errors import RunInterruptedError, own_error
from seqrec.training.signals import SAME_WISH_SECONDS, catchable

RETRY_SECONDS = 0.05
"""Pause between two looks whether an import or a log line is done."""

LONGEST_WAIT_SECONDS = 60.0

AGAIN_SECONDS = 5.0
"""After it a signal comes again whose error a library has swallowed."""

DELICATE = ("<frozen importlib", logging.__file__)
"""Code in which an error aborts the process or is printed and forgotten."""


class InterruptionHooks:
    """Turn SIGTERM, SIGHUP and Ctrl-C into `RunInterruptedError` while nodes run.

    Kedro calls its hooks on exceptions, but not on signals. A training has handlers of its own
    while it trains: it writes a checkpoint first.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._came_at = 0.0
        self._raised = False
        self._message = ""
        self._timer: threading.Timer | None = None
        self._unraisable: Any = None

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Catch the signals: only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            self._came_at = 0.0
            self._raised = False
            self._before = {number: signal.signal(number, self._obey) for number in catchable()}
            self._unraisable = sys.unraisablehook
            sys.unraisablehook = self._forgive

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Leave the signals as they were."""
        self._restore()

    @hook_impl(hookwrapper=True)
    def on_pipeline_error(self, error: Exception) -> Generator[None, None, None]:
        """Let the other hooks close what they opened, then leave the signals as they were."""
        self._cancel()
        if self._raised:
            _rename(error, self._message)
        yield
        self._restore()

    def _restore(self) -> None:
        self._cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            sys.unraisablehook = self._unraisable
        self._before = {}

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _obey(self, number: int, frame: FrameType | None) -> None:
        """Raise, but not amid delicate code, and once for signals that come together."""
        now = time.monotonic()
        self._came_at = self._came_at or now
        waited = now - self._came_at
        if not self._raised and waited < LONGEST_WAIT_SECONDS and _is_delicate(frame):
            self._send_again(number, RETRY_SECONDS)
        elif not self._raised or waited > SAME_WISH_SECONDS:
            self._raised = True
            self._came_at = now
            self._send_again(number, AGAIN_SECONDS)
            name = signal.Signals(number).name
            self._message = (
                f"stopped by {name}: nothing half-written stays; type the same command again"
            )
            raise RunInterruptedError(self._message)

    def _send_again(self, number: int, seconds: float) -> None:
        self._cancel()
        self._timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
        self._timer.daemon = True
        self._timer.start()

    def _forgive(self, unraisable: Any) -> None:
        """Print nothing of a signal that came while an object was finalised: it comes again."""
        if not isinstance(unraisable.exc_value, RunInterruptedError):
            self._unraisable(unraisable)


def _rename(error: Exception, message: str) -> None:
    """Have what came of a signal be told as the signal: DuckDB says that its query failed."""
    own = own_error(error)
    if own is None:
        error.__cause__ = RunInterruptedError(message)
    elif not isinstance(own, RunInterruptedError):
        own.args = (message,)
        own.exit_code = RunInterruptedError.exit_code


def _is_delicate(frame: FrameType | None) -> bool:
    """Tell whether a signal has come amid an import, a log line or a finaliser."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(DELICATE) or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False

"""A signal is noted and obeyed between two steps, when a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

SAME_WISH_SECONDS = 1.0
"""A launcher hands on what a terminal has sent to all: two signals at once are one wish."""


def catchable() -> tuple[signal.Signals, ...]:
    """Return the signals to catch: a hang-up that is ignored (``nohup``) stays ignored."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return SIGNALS[:2] if ignored else SIGNALS


class Interruption:
    """Remembers the first signal.

    Attributes:
        number: The signal, 0 while there is none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._noted_at = 0.0

    def note(self, number: int, _: FrameType | None) -> None:
        """Note a signal; a second one later on is obeyed at once."""
        if not self.number:
            self.number = number
            self._noted_at = time.monotonic()
        elif time.monotonic() - self._noted_at > SAME_WISH_SECONDS:
            raise KeyboardInterrupt


@contextmanager
def watch() -> Iterator[Interruption]:
    """Catch SIGTERM (a pod is reclaimed), SIGHUP (a terminal is closed) and Ctrl-C meanwhile."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption  # only the main thread may catch signals
        return
    before = {number: signal.signal(number, interruption.note) for number in catchable()}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

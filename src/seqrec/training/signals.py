"""A signal is noted and obeyed between two steps, when a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """Remembers the first signal.

    Attributes:
        number: The signal, 0 while there is none.
    """

    def __init__(self) -> None:
        self.number = 0

    def note(self, number: int, _: FrameType | None) -> None:
        """Note a signal; the second one is obeyed at once."""
        if self.number:
            raise KeyboardInterrupt
        self.number = number


@contextmanager
def watch() -> Iterator[Interruption]:
    """Catch SIGTERM (a pod is reclaimed) and Ctrl-C while the block runs."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption  # only the main thread may catch signals
        return
    before = {number: signal.signal(number, interruption.note) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What happens inside a node while it runs, for hooks that tell people about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from seqrec.errors import RunInterruptedError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EpochEnded:
    """An epoch was trained and validated.

    Attributes:
        model: The model's name.
        row: The epoch's row of the history.
        metric: What is validated, a key of `row`.
        best: Whether it is the best so far.
    """

    model: str
    row: Mapping[str, float]
    metric: str
    best: bool


Listener = Callable[[EpochEnded], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with every event while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def publish(event: EpochEnded) -> None:
    """Tell the listeners; one that fails is named in the log and never fails the run."""
    for listener in _listeners:
        try:
            listener(event)
        except RunInterruptedError:
            raise
        except Exception as error:
            logger.warning("a listener failed (%s): the run goes on", type(error).__name__)

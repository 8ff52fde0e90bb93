"""Networks without initial values, for weights that are loaded next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_BLANK: ContextVar[bool] = ContextVar("blank", default=False)


@contextmanager
def blank() -> Iterator[None]:
    """Let layers leave out, in the block, initial values that are slow to come by.

    S5's need a library that takes longer to import than a trained model to load.
    """
    token = _BLANK.set(True)
    try:
        yield
    finally:
        _BLANK.reset(token)


def is_blank() -> bool:
    """Tell whether initial values may be left out."""
    return _BLANK.get()

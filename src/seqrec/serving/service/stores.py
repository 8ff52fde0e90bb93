"""Where sessions are kept: what has been acknowledged is there after any crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seqrec.serving.service.faults import RefusedError


@dataclass(frozen=True)
class StoredEvent:
    """An event as it is kept: by the item's id in the data, which outlives a model's version.

    Attributes:
        item: Its id.
        at: Unix seconds.
        rating: None if none was given.
    """

    item: str
    at: int
    rating: float | None


@dataclass(frozen=True)
class Addition:
    """An event on its way into a session.

    Attributes:
        session: Its id.
        item: The item's id.
        at: Unix seconds; None for now.
        rating: None if none was given.
    """

    session: str
    item: str
    at: int | None
    rating: float | None


@dataclass(frozen=True)
class Added:
    """What a session is after an addition.

    Attributes:
        events: How many it has.
        at: When the last one happened.
    """

    events: int
    at: int


class Store(Protocol):
    """Sessions by their ids. Every method may be called from any thread."""

    def create(self, sessions: Mapping[str, Sequence[StoredEvent]]) -> None:
        """Keep new sessions, by their ids; all are durable when this returns."""
        ...

    def add(self, additions: Sequence[Addition], now: int) -> list[Added | RefusedError]:
        """Keep events, in order; all are durable when this returns.

        Args:
            additions: At most one for a session.
            now: Unix seconds.

        Returns:
            For each what its session is now, or why it was refused.
        """
        ...

    def count(self, sessions: Sequence[str]) -> list[int | None]:
        """Count the events of sessions; None for one that is not there."""
        ...

    def read(self, session: str, since: int = 0) -> list[StoredEvent] | None:
        """Read a session's events but the first `since`; None if it is not there."""
        ...

    def delete(self, session: str) -> bool:
        """Forget a session; tell whether it was there."""
        ...

    def purge(self, before: int) -> int:
        """Forget sessions in which nothing has happened since a time; count them."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...

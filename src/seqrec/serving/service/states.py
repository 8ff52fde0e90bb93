"""States of the sessions that were used last, in a block of memory that does not grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqrec.serving.events import NOTHING, History
from seqrec.serving.loaded import LoadedModel
from seqrec.serving.scorers import HistoryScorer, Query
from seqrec.serving.service.stores import StoredEvent
from seqrec.serving.session import GrowingHistory, most_held
from seqrec.serving.streams import State, Stream

Read = Callable[[str, int], list[StoredEvent] | None]
"""Reads a session's events but the first so many."""

EVENT_BYTES = 20
"""Of an event in memory, about half of which is room for more."""


@dataclass
class KnownSession:
    """What a worker knows of a session; the store has the truth.

    Attributes:
        events: Its events that the model knows.
        stored: How many of the store's events were read.
        read: How many of `events` are in the state.
        held: How many events the state remembers; 0 if there is no state.
        slot: Where the state lies.
    """

    events: GrowingHistory
    stored: int
    read: int
    held: int
    slot: int


class Sessions:
    """Sessions of one model, caught up with the store and scored together.

    The states of the sessions used last lie in tensors of a fixed size; those of others are made
    anew from their events when they are asked for.

    Args:
        model: Scores them.
        read: Reads the store.
        megabytes: For states, about.
    """

    def __init__(self, model: LoadedModel, read: Read, megabytes: int) -> None:
        self._model = model
        self._scorer = model.scorer
        self._read = read
        self._stream = model.stream
        example = self._stream.begin(History.of([1], [0], [1.0])) if self._stream else ()
        size = sum(x.nbytes for x in example) + EVENT_BYTES * 200
        self.capacity = max(64, megabytes * 2**20 // size)
        self._arena = [x.new_zeros(self.capacity, *x.shape[1:]) for x in example]
        self._known: OrderedDict[str, KnownSession] = OrderedDict()
        self._free = list(range(self.capacity))[::-1]

    def __len__(self) -> int:
        """Count the sessions whose states are kept."""
        return len(self._known)

    def forget(self, session: str) -> None:
        """Drop what is known of a session."""
        known = self._known.pop(session, None)
        if known is not None:
            self._free.append(known.slot)

    def catch_up(self, session: str, stored: int, latest: StoredEvent | None) -> History:
        """Learn of a session's events up to the store's `stored`-th.

        Args:
            session: Its id.
            stored: How many events it had when it was asked about.
            latest: The last of them, if the caller has just added it.

        Returns:
            Its events that the model knows.
        """
        known = self._known.get(session)
        if known is None:
            known = self._admit(session)
        self._known.move_to_end(session)
        if known.stored == stored - 1 and latest is not None:
            self._append(known, [latest])
        elif known.stored < stored:
            missing = self._read(session, known.stored) or []
            self._append(known, missing[: stored - known.stored])
        return known.events.events

    @torch.inference_mode()
    def score(self, sessions: Sequence[str], times: Sequence[int | None]) -> Tensor:
        """Score every item for sessions that were caught up, (B, n_items).

        Args:
            sessions: Each of them once; none without an event.
            times: When each is asked; None if nobody knows.
        """
        known = [self._known[session] for session in sessions]
        queries = [Query(k.events.events, None, t) for k, t in zip(known, times, strict=True)]
        scorer = self._scorer
        if self._stream is None or not isinstance(scorer, HistoryScorer):
            return scorer.score(queries)
        until = torch.tensor([scorer.seconds_until(q) for q in queries], dtype=torch.float32)
        self._grow(self._stream, known, most_held(scorer), scorer.max_length)
        slots = torch.tensor([each.slot for each in known])
        state = tuple(part[slots] for part in self._arena)
        return scorer.compare(self._stream.ask(state, until))

    def _grow(self, stream: Stream, known: list[KnownSession], most: int, window: int) -> None:
        """Bring states up to their sessions' last events, those that lack one event together."""
        for each in known:
            missing = len(each.events) - each.read
            if not each.held or each.held + missing > most or missing > window:
                events = each.events.events
                self._put(stream.begin(events), [each.slot])
                each.read = len(events)
                each.held = min(len(events), window)
        while behind := [each for each in known if each.read < len(each.events)]:
            slots = [each.slot for each in behind]
            latest, gaps = _next_events(behind)
            state = tuple(part[torch.tensor(slots)] for part in self._arena)
            self._put(stream.grow(state, latest, gaps), slots)
            for each in behind:
                each.read += 1
                each.held += 1

    def _put(self, state: State, slots: list[int]) -> None:
        where = torch.tensor(slots)
        for part, values in zip(self._arena, state, strict=True):
            part[where] = values

    def _admit(self, session: str) -> KnownSession:
        """Give a session a place; the one that was used longest ago makes way."""
        if not self._free:
            _, oldest = self._known.popitem(last=False)
            self._free.append(oldest.slot)
        known = KnownSession(GrowingHistory(NOTHING), 0, 0, 0, self._free.pop())
        self._known[session] = known
        return known

    def _append(self, known: KnownSession, events: Iterable[StoredEvent]) -> None:
        for event in events:
            known.stored += 1
            row = self._model.items.row(event.item)
            if row is not None:
                rating = np.nan if event.rating is None else event.rating
                known.events.append(row, event.at, rating)


def _next_events(behind: list[KnownSession]) -> tuple[History, Tensor]:
    """Take the next unread event of each, and the seconds since the one before it."""
    histories = [(each.events.events, each.read) for each in behind]
    latest = History.of(
        [int(history.items[i]) for history, i in histories],
        [int(history.times[i]) for history, i in histories],
        [float(history.ratings[i]) for history, i in histories],
    )
    gaps = [float(history.times[i] - history.times[i - 1]) for history, i in histories]
    return latest, torch.tensor(gaps, dtype=torch.float32)

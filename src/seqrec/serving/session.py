"""A history that grows, and the state that grows with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.serving.catalogue import Year
from seqrec.serving.events import History, Time, to_rating, to_seconds
from seqrec.serving.lists import Recommendations, describe, hide, restrict, take_best
from seqrec.serving.loaded import LoadedModel
from seqrec.serving.scorers import HistoryScorer, Query
from seqrec.serving.streams import State, Stream


class Session:
    """One user's history, for which lists are asked as it grows.

    With SS4Rec, SS4Rec+ and Mamba4Rec one more event costs one step, however long the history is;
    other models read it anew. A pipeline reads the last `max_length` events. So does a session
    when it begins; its state then grows, and is made anew from the last `max_length` events when
    it holds twice as many.

    Made by `Recommender.session`.
    """

    def __init__(self, model: LoadedModel, history: History) -> None:
        self._model = model
        self._scorer = model.scorer
        self._history = GrowingHistory(history)
        self._state: State | None = None
        self._read = 0
        self._held = 0

    def __len__(self) -> int:
        """Count the events."""
        return len(self._history)

    @property
    def history(self) -> list[tuple[str, int]]:
        """The events so far: ids and Unix seconds."""
        events = self._history.events
        names = (self._model.items[row].id for row in events.items.tolist())
        return list(zip(names, events.times.tolist(), strict=True))

    def add(self, item: Any, at: Time, rating: float | None = None) -> None:
        """Add an event.

        Args:
            item: By its id or title.
            at: When it happened; not before the last event.
            rating: If one was given.

        Raises:
            ProjectError: The item is not known, or the event comes before the last one.
        """
        row = self._model.row_of(item)
        time = to_seconds(at)
        events = self._history.events
        if len(events) and time < events.times[-1]:
            raise ProjectError(
                f"at={time} lies before the last event of the session, {events.times[-1]}"
            )
        self._history.append(row, time, to_rating(rating))

    @torch.inference_mode()
    def recommend(
        self,
        *,
        at: Time | None = None,
        k: int = 10,
        exclude_seen: bool = True,
        among: Iterable[Any] | None = None,
        genre: str | Iterable[str] | None = None,
        year: Year | None = None,
    ) -> Recommendations:
        """List the best items; arguments are those of `Recommender.recommend`.

        Raises:
            ProjectError: There is no event yet, or the question comes before the last one.
        """
        allowed = self._model.items.candidates(among, genre, year)
        scores = restrict(self._scores(at), allowed)
        if exclude_seen:
            scores = hide(scores, [self._history.events.items])
        best = take_best(scores, k)[0]
        return Recommendations(describe(best, self._model.items))

    @torch.inference_mode()
    def scores(self, *, at: Time | None = None) -> NDArray[np.float32]:
        """Score every item, (n_items,); padding gets −inf.

        Args:
            at: When it is asked; None if nobody knows.

        Raises:
            ProjectError: There is no event yet, or the question comes before the last one.
        """
        scores: NDArray[np.float32] = self._scores(at)[0].numpy()
        return scores

    def _scores(self, at: Time | None) -> Tensor:
        if not len(self._history):
            raise ProjectError("the session has no event yet: add one")
        query = Query(self._history.events, None, None if at is None else to_seconds(at))
        stream = self._model.stream
        if stream is None or not isinstance(self._scorer, HistoryScorer):
            return self._model.score([query])
        until = torch.tensor([self._scorer.seconds_until(query)], dtype=torch.float32)
        scores = self._scorer.compare(stream.ask(self._caught_up(stream), until))
        scores[:, 0] = -torch.inf
        return scores

    def _caught_up(self, stream: Stream) -> State:
        """Return the state after the last event."""
        events = self._history.events
        assert isinstance(self._scorer, HistoryScorer)  # noqa: S101 - for the type checker
        if self._state is None or self._held + len(events) - self._read > most_held(self._scorer):
            self._state = stream.begin(events)
            self._held = min(len(events), self._scorer.max_length)
            self._read = len(events)
        while self._read < len(events):
            gap = float(events.times[self._read] - events.times[self._read - 1])
            event = events[self._read : self._read + 1]
            self._state = stream.grow(self._state, event, torch.tensor([gap]))
            self._read += 1
            self._held += 1
        return self._state


def most_held(scorer: HistoryScorer) -> int:
    """Return how many events a state may hold before it is made anew."""
    return 2 * scorer.max_length


class GrowingHistory:
    """Events in arrays with room for more.

    Args:
        history: What there is.
    """

    def __init__(self, history: History) -> None:
        self._length = len(history)
        room = max(16, 2 * len(history))
        self._items, self._times, self._ratings = (
            np.concatenate([x, np.zeros(room - len(x), x.dtype)])
            for x in (history.items, history.times, history.ratings)
        )

    def __len__(self) -> int:
        """Count the events."""
        return self._length

    @property
    def events(self) -> History:
        """The events so far; not copied."""
        end = self._length
        return History(self._items[:end], self._times[:end], self._ratings[:end])

    def append(self, item: int, time: int, rating: float) -> None:
        """Add an event; it must not come before the last one."""
        if self._length == len(self._items):
            self._items, self._times, self._ratings = (
                np.concatenate([x, np.zeros_like(x)])
                for x in (self._items, self._times, self._ratings)
            )
        here = self._length
        self._items[here] = item
        self._times[here] = time
        self._ratings[here] = rating
        self._length += 1

"""Recommend with a trained model, from Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.errors import ProjectError
from seqrec.serving.catalogue import Year
from seqrec.serving.events import NOTHING, History, Time, to_seconds
from seqrec.serving.explanations import Reason, explain_item
from seqrec.serving.folders import open_model
from seqrec.serving.lists import Recommendations, describe, hide, restrict, take_best
from seqrec.serving.loaded import LoadedModel, event_parts, is_event
from seqrec.serving.places import resolve_place
from seqrec.serving.scorers import Query
from seqrec.serving.session import Session


class Recommender(LoadedModel):
    """A trained model that makes lists: for histories, for known users, at any time.

    Make one with `load`. It runs on the CPU and needs neither Kedro nor RecBole.
    """

    @classmethod
    def load(
        cls,
        place: str | Path,
        *,
        version: str | None = None,
        data: str | Path | None = "auto",
    ) -> Recommender:
        """Load a trained model.

        Args:
            place: ``data/06_models/<dataset>/<model>`` for the newest version, a version below
                it, or any folder with its files; an entry of the catalog, ``ss4rec.weights``, in
                a Kedro project; or an artifact, ``wandb:<entity>/<project>/<name>:<alias>``.
            version: Of several.
            data: Where known users' histories are: ``auto`` for what lies in the same project,
                a folder below ``05_model_input``, or None.

        Returns:
            A recommender.

        Raises:
            ProjectError: There is no such model, it is damaged, or the data are others.
        """
        return cls(open_model(resolve_place(place), version, data))

    @torch.inference_mode()
    def recommend(
        self,
        history: Sequence[Any] | None = None,
        user: Any = None,
        *,
        at: Any = None,
        k: int = 10,
        exclude_seen: bool = True,
        among: Iterable[Any] | None = None,
        genre: str | Iterable[str] | None = None,
        year: Year | None = None,
    ) -> Any:
        """List the best items, for one user or for many.

        Args:
            history: ``[(item, time), …]`` or ``[(item, time, rating), …]``, an item by its id or
                title; or a list of such histories.
            user: A user of the training data, whose complete history is read; or a list of them.
            at: When the list is asked for; None if nobody knows. A list, if there is one for each.
            k: Items in a list.
            exclude_seen: Whether what the user has seen is left out.
            among: Ids or titles of the only candidates.
            genre: One of several will do.
            year: A year, or the first and the last.

        Returns:
            `Recommendations`, or a list of them if many were asked for.

        Raises:
            ProjectError: A user, candidate or genre is not known, a history has no known item, or
                the question comes before its last event.
        """
        asked = self._ask(history, user, at)
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ProjectError(f"k={k!r} is no number of items")
        allowed = self.items.candidates(among, genre, year)
        scores = self.score(asked.queries)
        if exclude_seen:
            scores = hide(scores, [self._seen(query) for query in asked.queries])
        best = take_best(restrict(scores, allowed), k)
        lists = [
            Recommendations(describe(found, self.items), unknown)
            for found, unknown in zip(best, asked.unknown, strict=True)
        ]
        return lists if asked.many else lists[0]

    @torch.inference_mode()
    def scores(
        self, history: Sequence[Any] | None = None, user: Any = None, *, at: Any = None
    ) -> NDArray[np.float32]:
        """Score every item, for one user or for many.

        Args:
            history: As in `recommend`.
            user: As in `recommend`.
            at: As in `recommend`.

        Returns:
            By the rows of `items`, the first of which is padding and has −inf, (n_items,) or
            (B, n_items).
        """
        asked = self._ask(history, user, at)
        scores: NDArray[np.float32] = self.score(asked.queries).numpy()
        return scores if asked.many else scores[0]

    @torch.inference_mode()
    def explain(
        self,
        item: Any,
        history: Sequence[Any],
        *,
        at: Time | None = None,
        k: int = 5,
    ) -> list[Reason]:
        """Tell which events of a history moved an item's score most, by leaving each out.

        Args:
            item: By its id or title.
            history: One history.
            at: When the list is asked for; None if nobody knows.
            k: Most events to name.

        Returns:
            Events by the size of what leaving them out changes.

        Raises:
            ProjectError: The item is not known, or the model reads no histories.
        """
        row = self.row_of(item)
        read = self.read(history)
        when = None if at is None else to_seconds(at)
        return explain_item(self.scorer, self.items, row, Query(read.history, None, when), k)

    def session(self, history: Sequence[Any] = (), *, user: Any = None) -> Session:
        """Begin a session: a history that grows, and lists that follow it.

        Args:
            history: What came before.
            user: A user of the training data, whose history it begins with.

        Raises:
            ProjectError: The model reads no histories.
        """
        self.need_histories()
        known = self.history_of(user) if user is not None else NOTHING
        given = self.read(history).history if history else NOTHING
        return Session(self, _joined(known, given))

    def _ask(self, history: Sequence[Any] | None, user: Any, at: Any) -> _Asked:
        if (history is None) == (user is None):
            raise ProjectError("give a history or a user, one of them")
        if history is not None:
            return self._ask_histories(history, at)
        many = isinstance(user, list | tuple | np.ndarray)
        users = list(user) if many else [user]
        times = _times(at, len(users), many)
        queries = [self._of_user(name, time) for name, time in zip(users, times, strict=True)]
        return _Asked(queries, [()] * len(users), many)

    def _ask_histories(self, history: Sequence[Any], at: Any) -> _Asked:
        many = bool(history) and not is_event(history[0])
        histories = history if many else [history]
        times = _times(at, len(histories), many)
        for each in histories:
            if not isinstance(each, list | tuple):
                event_parts(each)
        read = [self.read(each) for each in histories]
        for found in read:
            if not len(found.history):
                raise ProjectError("the history has no item that the model knows")
        queries = [Query(found.history, None, t) for found, t in zip(read, times, strict=True)]
        return _Asked(queries, [found.unknown for found in read], many)

    def _of_user(self, name: Any, at: int | None) -> Query:
        if self.reads_histories:
            return Query(self.history_of(name), None, at)
        return Query(NOTHING, self.user_row(name), at)

    def _seen(self, query: Query) -> NDArray[np.int64]:
        if query.user is None:
            return query.history.items
        return self.folder.needed_data().known_users.history_of(query.user).items


@dataclass(frozen=True)
class _Asked:
    """What was asked, and whether the answer is a list."""

    queries: list[Query]
    unknown: Sequence[tuple[str, ...]]
    many: bool


def _times(at: Any, number: int, many: bool) -> list[int | None]:
    """Give each question its time."""
    if many and isinstance(at, list | tuple | np.ndarray):
        if len(at) != number:
            raise ProjectError(f"at has {len(at)} times for {number} lists")
        return [None if time is None else to_seconds(time) for time in at]
    return [None if at is None else to_seconds(at)] * number


def _joined(first: History, then: History) -> History:
    """Put one history behind another, in order of time."""
    items = np.concatenate([first.items, then.items])
    times = np.concatenate([first.times, then.times])
    ratings = np.concatenate([first.ratings, then.ratings])
    return History(items, times, ratings)[np.argsort(times, kind="stable")]

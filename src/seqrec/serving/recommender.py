"""Recommend with a trained model, from Python."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.serving.catalogue import Catalogue, Mask, Year
from seqrec.serving.events import NOTHING, History, Time, to_rating, to_seconds
from seqrec.serving.explanations import Reason, explain_item
from seqrec.serving.folders import ModelFolder, open_model
from seqrec.serving.known_users import number_of
from seqrec.serving.lists import Recommendations, describe, take_best
from seqrec.serving.places import resolve_place
from seqrec.serving.scorers import Query, make_scorer
from seqrec.serving.session import Session
from seqrec.serving.streams import make_stream

Event = tuple[Any, ...]
"""(item, time) or (item, time, rating); the item by its id or title."""


@dataclass(frozen=True)
class ReadHistory:
    """A history that a caller has given.

    Attributes:
        history: What the model knows of it, in order of time.
        unknown: Names that are no items of the model.
    """

    history: History
    unknown: tuple[str, ...]


class Recommender:
    """A trained model that makes lists: for histories, for known users, at any time.

    Make one with `load`. It runs on the CPU and needs neither Kedro nor RecBole.

    Attributes:
        name: The model, such as ``ss4rec``.
        title: What reports call it.
        version: The training's version.
        items: The items it knows.
    """

    def __init__(self, folder: ModelFolder) -> None:
        from safetensors.torch import load_file

        self.folder = folder
        self.scorer = make_scorer(folder.config, load_file(folder.path / "model.safetensors"))
        self.stream = make_stream(self.scorer)
        self.name: str = folder.config["name"]
        self.title = self.scorer.spec.title
        self.version = folder.version
        self.items: Catalogue = folder.catalogue
        if len(self.items) != self.scorer.n_items:
            raise ProjectError(
                f"{folder.path} names {len(self.items) - 1} items and its weights have "
                f"{self.scorer.n_items - 1}: it was put together from two trainings"
            )
        self._users: dict[str, int] | None = None

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

    @property
    def reads_histories(self) -> bool:
        """Whether lists can be made for users the model has not seen."""
        return self.scorer.spec.uses_history

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
        known = self._history_of(user) if user is not None else NOTHING
        given = self.read(history).history if history else NOTHING
        return Session(self, _joined(known, given))

    def row_of(self, name: Any) -> int:
        """Return an item's row.

        Raises:
            ProjectError: It is not known.
        """
        row = self.items.find(name)
        if row is None:
            raise ProjectError(f"{name!r} is no item{self.items.suggest(name)}")
        return row

    def read(self, history: Sequence[Any], warn: bool = True) -> ReadHistory:
        """Look a history's items up and put its events in order of time.

        Args:
            history: As in `recommend`.
            warn: Whether to warn of unknown items.

        Raises:
            ProjectError: An event is none.
        """
        self.need_histories()
        rows, unknown = [], []
        for event in history:
            name, time, rating = _parts(event)
            row = self.items.find(name)
            if row is None:
                unknown.append(str(name))
            else:
                rows.append((row, to_seconds(time, "time"), to_rating(rating)))
        if unknown and warn:
            _warn(unknown, self.items)
        rows.sort(key=lambda each: each[1])
        columns = zip(*rows, strict=True) if rows else ((), (), ())
        return ReadHistory(History.of(*map(list, columns)), tuple(unknown))

    @torch.inference_mode()
    def score(self, queries: Sequence[Query]) -> Tensor:
        """Score every item; padding gets −inf, (B, n_items)."""
        scores = self.scorer.score(queries)
        scores[:, 0] = -torch.inf
        return scores

    def need_histories(self) -> None:
        """Refuse if the model reads none.

        Raises:
            ProjectError: It knows users, not histories.
        """
        if not self.reads_histories:
            raise ProjectError(
                f"{self.title} knows the {len(self._numbers())} users it was trained on, and "
                "reads no histories: give user=…, or load a model such as ss4rec for new users"
            )

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
        many = bool(history) and not _is_event(history[0])
        histories = history if many else [history]
        times = _times(at, len(histories), many)
        for each in histories:
            if not isinstance(each, list | tuple):
                _parts(each)
        read = [self.read(each) for each in histories]
        for found in read:
            if not len(found.history):
                raise ProjectError("the history has no item that the model knows")
        queries = [Query(found.history, None, t) for found, t in zip(read, times, strict=True)]
        return _Asked(queries, [found.unknown for found in read], many)

    def _of_user(self, name: Any, at: int | None) -> Query:
        if self.reads_histories:
            return Query(self._history_of(name), None, at)
        return Query(NOTHING, number_of(str(name), self._numbers()), at)

    def _history_of(self, name: Any) -> History:
        known = self.folder.needed_data().known_users
        return known.history_of(known.number(name))

    def _numbers(self) -> dict[str, int]:
        if self._users is None:
            self._users = {name: row for row, name in enumerate(self.folder.users, start=1)}
        return self._users

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


def hide(scores: Tensor, seen: Sequence[NDArray[np.int64]]) -> Tensor:
    """Take items out of the candidates of each row.

    Args:
        scores: A score per item, (B, n_items).
        seen: What each row leaves out.

    Returns:
        The same tensor.
    """
    rows = np.repeat(np.arange(len(seen)), [len(items) for items in seen])
    columns = np.concatenate(seen) if seen else np.zeros(0, np.int64)
    scores[torch.from_numpy(rows), torch.from_numpy(columns)] = -torch.inf
    return scores


def restrict(scores: Tensor, allowed: Mask | None) -> Tensor:
    """Leave the candidates that a filter lets through; None lets all."""
    return (
        scores if allowed is None else scores.masked_fill(~torch.from_numpy(allowed), -torch.inf)
    )


def _times(at: Any, number: int, many: bool) -> list[int | None]:
    """Give each question its time."""
    if many and isinstance(at, list | tuple | np.ndarray):
        if len(at) != number:
            raise ProjectError(f"at has {len(at)} times for {number} lists")
        return [None if time is None else to_seconds(time) for time in at]
    return [None if at is None else to_seconds(at)] * number


def _is_event(value: Any) -> bool:
    """Tell an event from a history of events."""
    return isinstance(value, list | tuple) and 2 <= len(value) <= 3 and _is_name(value[0])


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int | np.integer) and not isinstance(value, bool)


def _parts(event: Any) -> tuple[Any, Any, Any]:
    if not _is_event(event):
        raise ProjectError(
            f"{repr(event)[:80]} is no event: give (item, time) or (item, time, rating)"
        )
    return (*event, None) if len(event) == 2 else tuple(event)


def _joined(first: History, then: History) -> History:
    """Put one history behind another, in order of time."""
    items = np.concatenate([first.items, then.items])
    times = np.concatenate([first.times, then.times])
    ratings = np.concatenate([first.ratings, then.ratings])
    return History(items, times, ratings)[np.argsort(times, kind="stable")]


def _warn(unknown: list[str], items: Catalogue) -> None:
    shown = ", ".join(repr(name[:80]) + items.suggest(name) for name in unknown[:3])
    more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    warnings.warn(
        f"left out, no items of the model: {shown}{more}", UserWarning, stacklevel=_callers_level()
    )


def _callers_level() -> int:
    """Count the frames up to the first that is not of this package, as `warnings` does."""
    own = str(Path(__file__).parent)
    frame = sys._getframe(1)
    level = 1
    while frame.f_back is not None and _is_inside(frame.f_code.co_filename, own):
        frame = frame.f_back
        level += 1
    return level


def _is_inside(file: str, own: str) -> bool:
    """Tell whether code is ours, or torch's that has been wrapped around it."""
    return file.startswith(own) or Path(file).name == "_contextlib.py"

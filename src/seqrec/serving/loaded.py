"""A trained model in memory, and how it reads what callers write."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.serving.catalogue import Catalogue
from seqrec.serving.events import History, to_rating, to_seconds
from seqrec.serving.folders import WEIGHTS, ModelFolder
from seqrec.serving.known_users import number_of
from seqrec.serving.scorers import Query, make_scorer
from seqrec.serving.streams import make_stream


@dataclass(frozen=True)
class ReadHistory:
    """A history that a caller has given.

    Attributes:
        history: What the model knows of it, in order of time.
        unknown: Names that are no items of the model.
    """

    history: History
    unknown: tuple[str, ...]


class LoadedModel:
    """A version of a trained model, ready to score.

    Args:
        folder: Where it lies.

    Attributes:
        name: The model, such as ``ss4rec``.
        title: What reports call it.
        version: The training's version.
        items: The items it knows.
        scorer: Scores all items for questions.
        stream: How its states grow; None if it reads histories anew each time.
    """

    def __init__(self, folder: ModelFolder) -> None:
        from safetensors.torch import load_file

        self.folder = folder
        self.scorer = make_scorer(folder.config, load_file(folder.path / WEIGHTS))
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

    @property
    def reads_histories(self) -> bool:
        """Whether lists can be made for users the model has not seen."""
        return self.scorer.spec.uses_history

    @cached_property
    def users(self) -> dict[str, int]:
        """Rows of the users it was trained on, by name."""
        return {name: row for row, name in enumerate(self.folder.users, start=1)}

    def user_row(self, name: Any) -> int:
        """Return a user's row.

        Raises:
            ProjectError: Nobody is called so.
        """
        return number_of(str(name), self.users)

    def history_of(self, name: Any) -> History:
        """Return the complete history of a user of the training data.

        Raises:
            ProjectError: Nobody is called so, or the data are not at hand.
        """
        known = self.folder.needed_data().known_users
        return known.history_of(known.number(name))

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
            name, time, rating = event_parts(event)
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
                f"{self.title} knows the {len(self.users)} users it was trained on, and "
                "reads no histories: give user=…, or load a model such as ss4rec for new users"
            )


def is_event(value: Any) -> bool:
    """Tell an event from a history of events, by its form."""
    return isinstance(value, list | tuple) and 2 <= len(value) <= 3 and _is_name(value[0])


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int | np.integer) and not isinstance(value, bool)


def event_parts(event: Any) -> tuple[Any, Any, Any]:
    """Take an event apart: its item, its time, and its rating or None.

    Raises:
        ProjectError: It is none.
    """
    if not is_event(event):
        raise ProjectError(
            f"{repr(event)[:80]} is no event: give (item, time) or (item, time, rating)"
        )
    return (*event, None) if len(event) == 2 else tuple(event)


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

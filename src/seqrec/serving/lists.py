"""Lists of recommendations, as Python shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.serving.catalogue import Catalogue, Item, Mask


@dataclass(frozen=True)
class Recommendation:
    """An item of a list.

    Attributes:
        place: From 1.
        item: Its id in the data.
        title: Its id where there is none.
        score: What the model gave it; comparable within a list.
        year: None where it is not known.
        genres: In the order of the data.
    """

    place: int
    item: str
    title: str
    score: float
    year: int | None
    genres: tuple[str, ...]

    @property
    def label(self) -> str:
        """The title with its year."""
        return Item(self.item, self.title, self.year, self.genres).label

    def __str__(self) -> str:
        return f"{self.place:3}  {self.label}"


class Recommendations(list[Recommendation]):
    """A list, best first; printed, a title in each line.

    Attributes:
        unknown: Names in the history that are no items of the model.
    """

    def __init__(self, items: Iterable[Recommendation], unknown: Iterable[str] = ()) -> None:
        super().__init__(items)
        self.unknown = tuple(unknown)

    @property
    def titles(self) -> list[str]:
        """The titles with their years, best first."""
        return [item.label for item in self]

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def take_best(scores: Tensor, k: int) -> list[list[tuple[int, float]]]:
    """Take the k best of each row; −inf is no candidate.

    Args:
        scores: A score per item, (B, n_items).
        k: Most items of a list.

    Returns:
        For each row, rows of the embedding and scores, best first.
    """
    best = scores.topk(min(k, scores.shape[1]))
    found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [
        [(row, score) for row, score in zip(rows, values, strict=True) if score > -torch.inf]
        for rows, values in found
    ]


def describe(best: list[tuple[int, float]], catalogue: Catalogue) -> list[Recommendation]:
    """Name what `take_best` has found."""
    return [
        Recommendation(place, item.id, item.title, score, item.year, item.genres)
        for place, (row, score) in enumerate(best, start=1)
        for item in (catalogue[row],)
    ]


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

"""Items by what people call them: ids, titles, years, genres."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import ProjectError, suggest

Mask = NDArray[np.bool_]
Year = int | tuple[int | None, int | None]
"""A year, or the first and the last of several; None leaves a side open."""

_ARTICLE = re.compile(r"^(?P<rest>.+), (?P<article>the|a|an|le|la|les|il|el|das|der|die)\b")
_YEAR = re.compile(r"\((\d{4})\)\s*$")


@dataclass(frozen=True)
class Item:
    """An item as it is shown.

    Attributes:
        id: As in the data.
        title: Its id where there is none.
        year: None where it is not known.
        genres: In the order of the data.
    """

    id: str
    title: str
    year: int | None
    genres: tuple[str, ...]

    @property
    def label(self) -> str:
        """The title with its year.

        >>> Item("1", "Toy Story", 1995, ()).label, Item("2", "Heat (1995)", 1995, ()).label
        ('Toy Story (1995)', 'Heat (1995)')
        """
        told = self.year is None or year_of(self.title) == self.year
        return self.title if told else f"{self.title} ({self.year})"


class Catalogue:
    """The items of a model, by the rows of its embedding.

    Args:
        items: In the order of the rows, the first of them row 1: row 0 is padding.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = [Item("", "", None, ()), *items]
        self._rows = {item.id: row for row, item in enumerate(self.items) if row}

    def __len__(self) -> int:
        """Count the rows, padding included."""
        return len(self.items)

    def __getitem__(self, row: int) -> Item:
        """Return the item of a row."""
        return self.items[row]

    @cached_property
    def _folded(self) -> list[str]:
        return [fold(item.title) for item in self.items]

    @cached_property
    def _labels(self) -> list[str]:
        return [fold(item.label) for item in self.items]

    @cached_property
    def _by_title(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row in range(1, len(self)):
            for name in {self._folded[row], self._labels[row], _undated(self._labels[row])}:
                rows.setdefault(name, []).append(row)
        return rows

    @cached_property
    def years(self) -> NDArray[np.int64]:
        """Year of each row, 0 where it is not known, (n_items,)."""
        return np.array([item.year or 0 for item in self.items])

    @cached_property
    def genres(self) -> dict[str, Mask]:
        """Rows of each genre, (n_items,)."""
        masks: dict[str, Mask] = {}
        for row, item in enumerate(self.items):
            for genre in item.genres:
                masks.setdefault(genre, np.zeros(len(self), bool))[row] = True
        return dict(sorted(masks.items()))

    def row(self, item: str) -> int | None:
        """Return the row of an item by its id alone; None if there is none."""
        return self._rows.get(item)

    def find(self, name: Any) -> int | None:
        """Return the row of an item by its id, or else its title; None if there is none.

        Titles are compared without regard to case, accents and where an article stands, with or
        without the year behind them. Of several items with one title it is the first.

        Args:
            name: As a caller has written it.
        """
        row = self._rows.get(str(name))
        if row is None and isinstance(name, str):
            row = next(iter(self._by_title.get(fold(name), ())), None)
        return row

    def suggest(self, name: Any) -> str:
        """Say what an unknown name may have meant, to be put behind it.

        Args:
            name: What is not known.
        """
        if not isinstance(name, str):
            return ""
        found = self.search(name, 1)
        if not found:
            near = difflib.get_close_matches(fold(name)[:80], self._alike(name), n=1, cutoff=0.7)
            found = self._by_title[near[0]][:1] if near else []
        return f" (did you mean {self[found[0]].label}?)" if found else ""

    def search(self, query: str, limit: int) -> list[int]:
        """Find items by words of their titles, or by their id.

        Args:
            query: Every word of it must begin a word of the title.
            limit: Most items to return.

        Returns:
            Rows: first titles that begin with the query, then by title.
        """
        folded = fold(query)
        words = folded.split()
        if not words:
            return []
        found = [row for row in self._with(words[0]) if _has_all(self._labels[row], words)]
        own = self._rows.get(query.strip())
        found.sort(key=lambda row: (row != own, not self._labels[row].startswith(folded), row))
        return ([own] if own and own not in found else []) + found[:limit]

    def _alike(self, name: str) -> list[str]:
        """Take titles that share a word with a name: comparing all of them would take seconds."""
        words = set(fold(name)[:80].split()) - {"the", "a", "of", "and"}
        return [title for title in self._by_title if words & set(title.split())][:2000]

    def _with(self, word: str) -> list[int]:
        return [row for row in range(1, len(self)) if word in self._labels[row]]

    def candidates(
        self,
        among: Iterable[Any] | None = None,
        genre: str | Iterable[str] | None = None,
        year: Year | None = None,
    ) -> Mask | None:
        """Return which rows may be listed, (n_items,); None for all of them.

        Args:
            among: Ids or titles.
            genre: One of several will do.
            year: A year, or the first and the last.

        Raises:
            ProjectError: An item or a genre is not known, or nothing is left.
        """
        if among is None and genre is None and year is None:
            return None
        mask = np.ones(len(self), bool)
        if among is not None:
            mask &= self._among(among)
        if genre is not None:
            mask &= self._of_genre([genre] if isinstance(genre, str) else list(genre))
        if year is not None:
            mask &= self._of_year(year)
        mask[0] = False
        if not mask.any():
            raise ProjectError(f"no item is left: among, genre={genre!r}, year={year!r}")
        return mask

    def _among(self, names: Iterable[Any]) -> Mask:
        mask = np.zeros(len(self), bool)
        if isinstance(names, str):
            raise ProjectError(f"among={names!r} is one text: give a list of ids or titles")
        for name in names:
            row = self.find(name)
            if row is None:
                raise ProjectError(f"among: {name!r} is no item{self.suggest(name)}")
            mask[row] = True
        return mask

    def _of_genre(self, names: list[str]) -> Mask:
        known = {fold(genre): mask for genre, mask in self.genres.items()}
        mask = np.zeros(len(self), bool)
        for name in names:
            if fold(name) not in known:
                of = (
                    suggest(name, self.genres) or f": there are {', '.join(self.genres) or 'none'}"
                )
                raise ProjectError(f"genre {name!r} is not known{of}")
            mask |= known[fold(name)]
        return mask

    def _of_year(self, year: Year) -> Mask:
        first, last = (year, year) if isinstance(year, int) else year
        known = self.years > 0
        return (
            known
            & (self.years >= (-np.inf if first is None else first))
            & (self.years <= (np.inf if last is None else last))
        )


def fold(text: str) -> str:
    """Spell a title as it is compared.

    >>> fold("Usual  Suspects, The (1995)"), fold("Amélie")
    ('the usual suspects (1995)', 'amelie')
    """
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    folded = " ".join(letters.casefold().split())
    return _ARTICLE.sub(r"\g<article> \g<rest>", folded)


def year_of(title: str) -> int | None:
    """Read the year that ends a title.

    >>> year_of("Toy Story (1995)"), year_of("1984")
    (1995, None)
    """
    found = _YEAR.search(title)
    return int(found[1]) if found else None


def _undated(title: str) -> str:
    """Leave out the year that ends a title."""
    return _YEAR.sub("", title).rstrip()


def _has_all(title: str, words: list[str]) -> bool:
    return all(re.search(rf"(?<!\w){re.escape(word)}", title) for word in words)

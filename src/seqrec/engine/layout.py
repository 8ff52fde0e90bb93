"""How a text file holds its rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """How a text file holds its rows.

    Attributes:
        names: Every column, in order.
        separator: Between columns; quotes count if it is one character.
        header: Lines before the first row.
        wanted: Place of each column that is read, by our name for it.
    """

    names: tuple[str, ...]
    separator: str
    header: int
    wanted: dict[str, int]

    @property
    def quote(self) -> str:
        """The character that quotes a value; empty if none does."""
        return '"' if len(self.separator) == 1 else ""

    @property
    def columns(self) -> list[str]:
        """Names for an engine: the file's own may be empty, or differ only by case."""
        return [f"column_{place}" for place in range(len(self.names))]

    def called(self, name: str) -> str:
        """Return the file's own name of a column that is read."""
        return self.names[self.wanted[name]]

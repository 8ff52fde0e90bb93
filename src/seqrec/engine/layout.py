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
    """

    names: tuple[str, ...]
    separator: str
    header: int

    @property
    def quote(self) -> str:
        """The character that quotes a value; empty if none does."""
        return '"' if len(self.separator) == 1 else ""

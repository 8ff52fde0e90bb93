"""Lists of every user, as they are saved: a table at a time, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it takes a while to import: commands that list pipelines do not wait
    import pyarrow as pa


@dataclass(frozen=True)
class ListParts:
    """Tables that are made when they are asked for.

    It is no iterator: Kedro would save what an iterator yields one by one.

    Attributes:
        make: Begins to make them.
        facts: What they are made from.
    """

    make: Callable[[], Iterator[pa.Table]]
    facts: dict[str, Any]

    def __iter__(self) -> Iterator[pa.Table]:
        """Make one after the other."""
        return self.make()

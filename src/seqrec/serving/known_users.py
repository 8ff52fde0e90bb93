"""Histories of the users that a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import ProjectError
from seqrec.serving.events import History
from seqrec.tables import columns as c


@dataclass(frozen=True)
class KnownUsers:
    """Everybody's complete history, sorted by user and time.

    Attributes:
        names: In the order of RecBole's ids, the first of them user 1.
        history: All events.
        offsets: Where each user's events begin, and the end, (U + 1,).
    """

    names: list[str]
    history: History
    offsets: NDArray[np.int64]
    _numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path, names: list[str]) -> KnownUsers:
        """Read the twin of the atomic files.

        Args:
            file: Interactions by number, sorted.
            names: Of the users.

        Raises:
            ProjectError: The file was written before it had times.
        """
        import pyarrow.parquet as pq

        table = pq.ParquetFile(file).read()
        missing = {c.TIMESTAMP, c.RATING} - set(table.column_names)
        if missing:
            raise ProjectError(
                f"{file} has no column {min(missing)!r}, of an earlier version: make it again "
                "(kedro run --pipelines recbole_format)"
            )
        # pyarrow's own way to numpy imports pandas, which takes half a second.
        column = {
            name: np.from_dlpack(table[name].combine_chunks())
            for name in (c.USER, c.ITEM, c.TIMESTAMP, c.RATING)
        }
        history = History(
            column[c.ITEM].astype(np.int64),
            column[c.TIMESTAMP].astype(np.int64),
            column[c.RATING].astype(np.float32),
        )
        offsets = np.searchsorted(column[c.USER], np.arange(1, len(names) + 2))
        numbers = {name: number for number, name in enumerate(names, start=1)}
        return cls(names, history, offsets, numbers)

    def number(self, name: object) -> int:
        """Return a user's id.

        Raises:
            ProjectError: Nobody is called so.
        """
        return number_of(str(name), self._numbers)

    def history_of(self, number: int) -> History:
        """Return a user's events.

        Args:
            number: The user's id.
        """
        return self.history[self.offsets[number - 1] : self.offsets[number]]


def number_of(name: str, numbers: dict[str, int]) -> int:
    """Look a user up.

    Raises:
        ProjectError: Nobody is called so.
    """
    if name not in numbers:
        raise ProjectError(
            f"user {name[:80]!r} is not among the {len(numbers)} that the model was trained on"
        )
    return numbers[name]

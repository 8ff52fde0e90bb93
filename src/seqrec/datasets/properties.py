"""What is told of items and users beside the interactions, as entries of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.sources.definitions import Definition
from seqrec.sources.items import read_items
from seqrec.sources.movielens import Release
from seqrec.sources.movielens_readers import USER_COLUMNS


class PropertiesDataset(ReadOnlyDataset[pd.DataFrame]):
    """What a MovieLens release, or a table of your own, tells of items or users; read-only.

    What is not told is an empty table with the same columns.

    Args:
        dataset: A MovieLens release, or the name of your own data.
        of: ``movies`` or ``users``.
        filepath: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`; one with a path is no MovieLens.
        definition: Where the description of your own data is remembered; None: nowhere.
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "a release is never written"

    def __init__(
        self,
        *,
        dataset: str,
        of: Literal["movies", "users"],
        filepath: str,
        mirror: str | None = None,
        source: dict[str, Any] | None = None,
        definition: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        remembered = None if definition is None else Path(definition)
        self._definition = Definition(dataset, source, remembered)
        self._movielens = Release(dataset, Path(filepath), mirror)
        self._of = of
        self.dataset_name = dataset
        self.metadata = metadata

    @plainly
    def preflight(self) -> None:
        """Check that the table can be read; download a release if need be."""
        if self._definition.source().path is None:
            self._movielens.provide()
        self._read()

    @plainly
    def load(self) -> pd.DataFrame:
        """Read the table."""
        table = self._read()
        self._definition.remember(self._definition.source())
        return table

    def _read(self) -> pd.DataFrame:
        source = self._definition.source()
        if source.path is not None:
            users = pd.DataFrame(columns=USER_COLUMNS, dtype=str)
            return read_items(source) if self._of == "movies" else users
        return self._movielens.movies() if self._of == "movies" else self._movielens.users()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self.dataset_name, "of": self._of}

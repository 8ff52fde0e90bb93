"""Movies and users of a MovieLens release, as entries of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.sources.movielens import Release
from seqrec.sources.movielens_readers import USER_COLUMNS, name_movies


class PropertiesDataset(ReadOnlyDataset[pd.DataFrame]):
    """Movies or users of a MovieLens release; read-only.

    Data of your own has none: an empty table with the same columns.

    Args:
        dataset: A MovieLens release, or the name of your own data.
        of: ``movies`` or ``users``.
        filepath: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`; one with a path is no MovieLens.
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
        metadata: dict[str, Any] | None = None,
    ) -> None:
        own = bool((source or {}).get("path"))
        self._movielens = None if own else Release(dataset, Path(filepath), mirror)
        self._of = of
        self.dataset_name = dataset
        self.metadata = metadata

    @plainly
    def preflight(self) -> None:
        """Check that the release can be read; download it if needed."""
        if self._movielens:
            self._movielens.provide()
            self.load()

    @plainly
    def load(self) -> pd.DataFrame:
        """Read the table."""
        if self._movielens is None and self._of == "movies":
            return name_movies(pd.DataFrame(columns=range(3), dtype=str))
        if self._movielens is None:
            return pd.DataFrame(columns=USER_COLUMNS, dtype=str)
        return self._movielens.movies() if self._of == "movies" else self._movielens.users()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self.dataset_name, "of": self._of}

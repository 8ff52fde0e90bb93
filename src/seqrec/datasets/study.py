"""Where the trials of a model's searches are kept, as an entry of the catalog."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from seqrec.training.studies import StudyStore


class StudyDataset(AbstractDataset[NoReturn, StudyStore]):
    """The file of a model's searches; loading it gives the `StudyStore`.

    Args:
        filepath: The SQLite file; it need not exist.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> StudyStore:
        """Return the store; nothing is read yet."""
        return StudyStore(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: only a search adds trials."""
        raise NotImplementedError("trials are written by the search itself")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the searches in the file."""
        if not self._filepath.is_file():
            return JSONPreview(json.dumps({"studies": []}))
        with sqlite3.connect(self._filepath) as connection:
            rows = connection.execute("select study_name from studies").fetchall()
        return JSONPreview(json.dumps({"studies": [name for (name,) in rows]}))

    def _exists(self) -> bool:
        return True  # a search that has not begun is a search

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

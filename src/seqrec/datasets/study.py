"""Where the trials of a model's searches are kept, as an entry of the catalog."""

import json
import sqlite3

from kedro_datasets._typing import JSONPreview

from seqrec.datasets.read_only import PlaceDataset
from seqrec.training.studies import StudyStore


class StudyDataset(PlaceDataset[StudyStore]):
    """The SQLite file of a model's searches; loading it gives the `StudyStore`."""

    filled_by = "a search writes its trials itself"

    def load(self) -> StudyStore:
        """Return the store; nothing is read yet."""
        return StudyStore(self._filepath)

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the searches in the file."""
        if not self._filepath.is_file():
            return JSONPreview(json.dumps({"studies": []}))
        with sqlite3.connect(self._filepath) as connection:
            rows = connection.execute("select study_name from studies").fetchall()
        return JSONPreview(json.dumps({"studies": [name for (name,) in rows]}))

"""RecBole's atomic files as one versioned dataset, with a Parquet twin for our own loaders."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from seqrec.datasets.plain_errors import plainly
from seqrec.engine.atomic_files import write_atomic_files
from seqrec.engine.atomic_write import new_directory
from seqrec.tables.atomic_files import INTERACTIONS, AtomicFiles, AtomicTables


class AtomicFilesDataset(AbstractVersionedDataset[AtomicTables, AtomicFiles]):
    """A folder ``<version>/<name>/`` with ``<name>.inter``, ``.item``, ``.user``, ``stats.json``.

    Kedro stores a version as ``<filepath>/<version>/<last part>``, which is exactly RecBole's
    ``data_path/dataset``. A version appears whole or not at all. Beside the text lies its twin,
    which holds the same interactions with RecBole's ids.

    Args:
        filepath: The dataset's folder; its last part is RecBole's dataset name, and must not be
            ``ml-100k``, for which RecBole always loads its own copy.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        if self._filepath.name == "ml-100k":
            raise ValueError("RecBole reserves the name 'ml-100k': name the folder otherwise")
        self.metadata = metadata

    @plainly
    def load(self) -> AtomicFiles:
        """Return where the files are."""
        folder = Path(self._get_load_path())
        return AtomicFiles(folder.parent.absolute(), folder.name)

    @plainly
    def save(self, data: AtomicTables) -> None:
        """Write the tables as tab-separated text and the twin, atomically."""
        folder = Path(self._get_save_path())
        with new_directory(folder) as scratch:
            write_atomic_files(data, scratch, folder.name)

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the statistics in kedro-viz."""
        return JSONPreview(json.dumps(self.load().stats))

    def _exists(self) -> bool:
        return (Path(self._get_load_path()) / INTERACTIONS).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

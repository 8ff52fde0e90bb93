"""RecBole's atomic files as one versioned dataset, with a Parquet twin for our own loaders."""

import json
from pathlib import Path
from typing import Any

from kedro.io import Version
from kedro_datasets._typing import JSONPreview

from seqrec.artefacts.parquet import check_schemas
from seqrec.datasets.versions import ManifestDataset
from seqrec.engine.atomic_files import write_atomic_files
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS, AtomicFiles, AtomicTables, ids_file

_TEXT = (".inter", ".item", ".user")


class AtomicFilesDataset(ManifestDataset[AtomicTables, AtomicFiles]):
    """A folder ``<version>/<name>/`` with ``<name>.inter``, ``.item``, ``.user``, ``stats.json``.

    Kedro stores a version as ``<filepath>/<version>/<last part>``, which is exactly RecBole's
    ``data_path/dataset``. Beside the text lies its twin, which holds the same interactions with
    RecBole's ids. Nothing of this project reads the text, so only its size is checked.

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
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        if self._filepath.name == "ml-100k":
            raise ValueError("RecBole reserves the name 'ml-100k': name the folder otherwise")

    def _read(self, path: Path) -> AtomicFiles:
        """Return where the files are."""
        files = AtomicFiles(path.parent.absolute(), path.name)
        for name in (INTERACTIONS, ids_file(c.USER), ids_file(c.ITEM)):
            check_schemas(path / name)
        self._earlier_facts(path)
        return files

    def _write(self, data: AtomicTables, path: Path) -> None:
        """Write the tables as tab-separated text and the twin."""
        path.mkdir()
        write_atomic_files(data, path, path.name)

    def _facts_of(self, data: AtomicTables) -> dict[str, Any]:
        return data.stats

    def _earlier_facts(self, path: Path) -> dict[str, Any]:
        return AtomicFiles(path.parent, path.name).stats

    def _is_read(self, name: str) -> bool:
        return not name.endswith(_TEXT)

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the statistics in kedro-viz."""
        return JSONPreview(json.dumps(self.load().stats))

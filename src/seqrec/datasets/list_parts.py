"""Lists of every user as Parquet in parts, written as they are made."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from seqrec.datasets.table import TableDataset


class ListPartsDataset(TableDataset):
    """A folder ``part-00000.parquet``, ``part-00001.parquet``, …; loaded as a table of the engine.

    Saving takes one table of a `seqrec.tables.list_parts.ListParts` at a time; the folder gets its
    name when all are there.

    Args:
        filepath: The folder.
        engine: What reads it, see `seqrec.engine.connection.connect`.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def _write(self, data: Any, path: Path) -> None:
        path.mkdir()
        for number, table in enumerate(data):
            pq.write_table(table, path / f"part-{number:05d}.parquet", compression="zstd")

    def _facts_of(self, data: Any) -> dict[str, Any]:
        return dict(data.facts)

"""Ibis tables as Parquet that appears whole and valid, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from kedro.io import Version
from kedro.utils import load_obj
from kedro_datasets._typing import TablePreview

from seqrec.artefacts.parquet import check_schemas
from seqrec.datasets.versions import ManifestDataset
from seqrec.engine.connection import EngineConfig, connect
from seqrec.engine.files import read_parquet, write_parquet


class TableDataset(ManifestDataset[ibis.Table, ibis.Table]):
    """A table of the engine, kept as Parquet: a file from DuckDB, a folder of parts from Spark.

    Args:
        filepath: The Parquet file or folder.
        engine: The engine's configuration, see `seqrec.engine.connection.connect`.
        contract: Import path of a `seqrec.tables.contracts.Contract`, which what was written
            must keep before it gets its name.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        filepath: str,
        engine: EngineConfig,
        contract: str | None = None,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._engine = engine
        self._contract = contract

    def _read(self, path: Path) -> ibis.Table:
        """Return the table, not its rows."""
        check_schemas(path)
        return read_parquet(connect(self._engine), path)

    def _write(self, data: ibis.Table, path: Path) -> None:
        """Compute the table and check it.

        Raises:
            ProjectError: It cannot be computed or breaks its contract.
        """
        write_parquet(data, path)
        if self._contract:
            found = read_parquet(connect(self._engine), path)
            load_obj(self._contract).check(found, str(self._filepath))

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self, nrows: int = 8) -> TablePreview:
        """Show the first rows in kedro-viz."""
        rows: pd.DataFrame = self.load().limit(nrows).to_pandas()
        return TablePreview(rows.to_dict(orient="split"))

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "engine": self._engine}

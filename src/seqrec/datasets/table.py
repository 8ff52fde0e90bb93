"""Ibis tables as Parquet that appears whole and valid, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import ibis
import pandas as pd
from kedro.io import AbstractVersionedDataset, DatasetError, Version
from kedro.utils import load_obj
from kedro_datasets._typing import TablePreview

from seqrec.datasets.plain_errors import plainly
from seqrec.engine.atomic_write import give_name
from seqrec.engine.connection import EngineConfig, connect
from seqrec.engine.files import read_parquet, write_parquet


class TableDataset(AbstractVersionedDataset[ibis.Table, ibis.Table]):
    """A table of the engine, kept as Parquet: a file from DuckDB, a folder of parts from Spark.

    `kedro_datasets.ibis.FileDataset` writes to the final name at once: killed half-way it leaves
    a broken file that Kedro takes for the newest version.

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
        super().__init__(PurePosixPath(filepath), version)
        self._engine = engine
        self._contract = contract
        self.metadata = metadata

    @plainly
    def load(self) -> ibis.Table:
        """Return the table, not its rows."""
        return read_parquet(connect(self._engine), Path(self._get_load_path()))

    @plainly
    def save(self, data: ibis.Table) -> None:
        """Compute the table, check it and give it its name.

        Raises:
            ProjectError: It cannot be computed or breaks its contract; nothing is left of it then.
        """
        target = Path(self._get_save_path())
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            written = scratch / target.name
            write_parquet(data, written)
            if self._contract:
                found = read_parquet(connect(self._engine), written)
                load_obj(self._contract).check(found, str(target))
            give_name(written, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self, nrows: int = 8) -> TablePreview:
        """Show the first rows in kedro-viz."""
        rows: pd.DataFrame = self.load().limit(nrows).to_pandas()
        return TablePreview(rows.to_dict(orient="split"))

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).exists()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "engine": self._engine, "version": self._version}

"""Interactions as they come, as an entry of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis

from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.engine.connection import EngineConfig
from seqrec.sources.movielens_formats import Size
from seqrec.sources.ratings import RatingsSource


class RatingsDataset(ReadOnlyDataset[ibis.Table]):
    """Every rating of a MovieLens release or of a table of your own; read-only.

    Args:
        dataset: A MovieLens release, or the name of your own data.
        filepath: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`, for data of your own; None: as remembered, or
            else MovieLens.
        engine: The engine's configuration, see `seqrec.engine.connection.connect`.
        rejects: Where bad rows are set aside.
        definition: Where the description of your own data is remembered; None: nowhere.
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "a source is never written"

    def __init__(
        self,
        *,
        dataset: str,
        filepath: str,
        engine: EngineConfig,
        rejects: str,
        mirror: str | None = None,
        source: dict[str, Any] | None = None,
        definition: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self.dataset_name = dataset
        self._facts = {"dataset": dataset, "source": source, "engine": engine}
        remembered = None if definition is None else Path(definition)
        self._source = RatingsSource(
            dataset, Path(filepath), mirror, source, engine, Path(rejects), remembered
        )

    @plainly
    def preflight(self) -> None:
        """Check that the source is there and has its columns; download a release if need be."""
        self._source.provide()

    @plainly
    def load(self) -> ibis.Table:
        """Return the ratings as an expression of the engine."""
        return self._source.load()

    @plainly
    def size(self) -> Size:
        """Tell how much there is before anything is filtered."""
        return self._source.size()

    def _describe(self) -> dict[str, Any]:
        return self._facts

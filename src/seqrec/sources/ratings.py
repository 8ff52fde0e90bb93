"""Interactions as they come: a MovieLens release or a table of your own, on the engine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ibis
from ibis import _

from seqrec.engine.connection import EngineConfig, connect
from seqrec.engine.layout import Layout
from seqrec.engine.times import SECONDS, UNITS, Unit, check_fit, recognise
from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.sources import movielens
from seqrec.sources.definitions import Definition
from seqrec.sources.movielens_formats import SIZES, Size
from seqrec.sources.parquet import check_parquet
from seqrec.sources.reading import InteractionsFile, ParquetFile, TextFile
from seqrec.sources.table_file import Wanted, check_text, is_parquet, open_layout
from seqrec.tables import columns as c

logger = logging.getLogger(__name__)
LOOKED_AT = 1000
"""Rows from which the unit of time is recognised."""


class RatingsSource:
    """Every rating of a source, in columns of one name and type.

    user_id, item_id (text), rating (float64; 1 if the source has none), timestamp (int64 seconds).
    A row that cannot be read stops the run with its line, or is set aside in
    `rejects`, with the reason.

    Args:
        name: A MovieLens release, or the name of your own data.
        folder: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`, for data of your own; None: as remembered, or
            else MovieLens.
        engine: The engine's configuration, see `seqrec.engine.connection.connect`.
        rejects: Where bad rows are set aside.
        definition: Where the description of your own data is remembered; None: nowhere.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        mirror: str | None,
        source: dict[str, Any] | None,
        engine: EngineConfig,
        rejects: Path,
        definition: Path | None = None,
    ) -> None:
        self.name = name
        self._engine = engine
        self._rejects = rejects
        self._definition = Definition(name, source, definition)
        self._movielens = movielens.Release(name, folder, mirror)

    def provide(self) -> None:
        """Check that the source is there and has its columns; download a release if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        source = self._definition.source()
        if source.path is None:
            self._movielens.provide()
        table = self._open(source)
        unit = _unit_of(table, source)
        if source.on_bad_rows == "error":
            table.check_beginning(unit)

    def load(self) -> ibis.Table:
        """Return the ratings.

        Raises:
            ProjectError: A row is no interaction and `source.on_bad_rows` is ``error``.
        """
        source = self._definition.source()
        table = self._open(source)
        unit = _unit_of(table, source, tell=True)
        rejects = None if source.on_bad_rows == "error" else self._rejects
        ratings = table.read(connect(self._engine), unit, rejects)
        self._definition.remember(source)
        return ratings

    def size(self) -> Size:
        """Tell how much there is: known of a release, counted in a table of your own.

        Raises:
            ProjectError: As for `load`.
        """
        if self._definition.source().path is None:
            return SIZES[self.name]
        users, items = (_[name].nunique() for name in (c.USER, c.ITEM))
        counts = self.load().agg(ratings=_.count(), users=users, items=items).to_pandas()
        return Size(*map(int, counts.iloc[0]))

    def _open(self, source: Source) -> InteractionsFile:
        if source.path is None:
            return self._open_release()
        path = Path(source.path)
        if not path.is_file():
            raise ProjectError(f"source.path: there is no file {path}")
        wanted = _wanted(source)
        if is_parquet(path):
            check_parquet(path, wanted)
            return ParquetFile(path, wanted)
        return TextFile(path, open_layout(path, wanted, source.separator))

    def _open_release(self) -> TextFile:
        path, ratings = self._movielens.ratings()
        if ratings.header:
            return TextFile(path, open_layout(path, _ours(ratings.columns), ratings.separator))
        check_text(path)
        places = {name: place for place, name in enumerate(ratings.columns)}
        names = tuple(ratings.columns.values())
        return TextFile(path, Layout(names, ratings.separator, 0, _ours(places)))


def _unit_of(table: InteractionsFile, source: Source, tell: bool = False) -> Unit:
    """Recognise the unit of a table's times, or check the one that was named.

    Args:
        table: MovieLens has seconds.
        source: `time_unit`.
        tell: Log what was found.
    """
    if source.path is None:
        return SECONDS
    times = table.first_times(LOOKED_AT)
    where = f"{table.path}: column {table.column_of_times!r}"
    if source.time_unit == "auto":
        unit = recognise(where, times)
        if times and tell:
            logger.info("%s holds %s, e.g. %s", where, unit.words, times[0][1])
        return unit
    unit = UNITS[source.time_unit]
    warning = check_fit(where, times, unit)
    if warning and tell:
        logger.warning(warning)
    return unit


def _wanted(source: Source) -> Wanted:
    """Map our names of the columns to the source's."""
    names = {c.USER: source.user, c.ITEM: source.item, c.TIMESTAMP: source.timestamp}
    return names if source.rating is None else {**names, c.RATING: source.rating}


def _ours(columns: dict[str, Any]) -> dict[str, Any]:
    """Rename the keys of a release's columns as ours."""
    names = {"user": c.USER, "item": c.ITEM, "timestamp": c.TIMESTAMP, "rating": c.RATING}
    return {ours: columns[theirs] for theirs, ours in names.items()}

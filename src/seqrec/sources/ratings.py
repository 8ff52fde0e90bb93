"""Interactions as they come: a MovieLens release or a table of your own, on the engine."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import ibis
from ibis import _
from pydantic import ValidationError

from seqrec.engine import rows
from seqrec.engine.connection import EngineConfig, connect
from seqrec.engine.errors import EngineError
from seqrec.engine.files import engine_errors, number_rows, read_parquet, read_text
from seqrec.engine.layout import Layout
from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.sources.lines import BadRow, bad_rows, count_rows
from seqrec.sources.movielens import Release
from seqrec.sources.movielens_formats import SIZES, Size
from seqrec.sources.rejects import refuse, set_aside
from seqrec.sources.table_file import TableFile, check_columns, open_own, open_release
from seqrec.tables import columns as c

SHOWN = 3
"""Bad rows in a message."""
PREFLIGHT_LINES = 100
"""Lines that are looked at before a run begins."""


class RatingsSource:
    """Every rating of a source, in columns of one name and type.

    user_id, item_id (text), rating (float64; 1 if the source has none), timestamp (int64 seconds).
    A row that cannot be read stops the run with its line, or is set aside in
    `rejects`, with the reason.

    Args:
        name: A MovieLens release, or the name of your own data.
        folder: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`, for data of your own; None: MovieLens.
        engine: The engine's configuration, see `seqrec.engine.connection.connect`.
        rejects: Where bad rows are set aside.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        mirror: str | None,
        source: dict[str, Any] | None,
        engine: EngineConfig,
        rejects: Path,
    ) -> None:
        self.name = name
        self._engine = engine
        self._rejects = rejects
        self._given = source or {}
        self._movielens = Release(name, folder, mirror)

    def provide(self) -> None:
        """Check that the source is there and has its columns; download a release if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        if self._source().path is None:
            self._movielens.provide()
        file = self._open()
        if file.layout is None:
            self._typed(file)
            return
        first = bad_rows(file.path, file.layout, file.source, first=PREFLIGHT_LINES)
        fault = next(first, None)
        if fault and file.source.on_bad_rows == "error":
            raise refuse(file.path, [fault], "at least 1")

    def load(self) -> ibis.Table:
        """Return the ratings.

        Raises:
            ProjectError: A row is no interaction and `source.on_bad_rows` is ``error``.
        """
        file = self._open()
        table = self._typed(file)
        try:
            with engine_errors(table.get_backend(), f"{file.path} cannot be read"):
                bad = int(table.filter(~rows.good()).count().execute())
        except EngineError:
            if file.layout is None:
                raise
            return self._read_around(file, file.layout)  # lines with too few or many columns
        if not bad:
            return table
        if file.layout is None:
            return self._leave_out(file, table, bad)
        return self._read_around(file, file.layout)

    def size(self) -> Size:
        """Tell how much there is: known of a release, counted in a table of your own.

        Raises:
            ProjectError: As for `load`.
        """
        if self._source().path is None:
            return SIZES[self.name]
        users, items = (_[name].nunique() for name in (c.USER, c.ITEM))
        counts = self.load().agg(ratings=_.count(), users=users, items=items).to_pandas()
        return Size(*map(int, counts.iloc[0]))

    def _source(self) -> Source:
        try:
            return Source.model_validate(self._given)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(("source", *map(str, first["loc"])))
            raise ProjectError(f"{name}: {first['msg']} (globals.yml or --params)") from None

    def _open(self) -> TableFile:
        source = self._source()
        if source.path is None:
            return open_release(self._movielens, source)
        return open_own(Path(source.path), source)

    def _typed(self, file: TableFile, lenient: bool = False) -> ibis.Table:
        engine = connect(self._engine)
        if file.layout:
            table = read_text(engine, file.path, file.layout, lenient)
        else:
            table = read_parquet(engine, file.path)
            check_columns(file.path, list(table.columns), file.source)
        return rows.typed(table, file.source)

    def _read_around(self, file: TableFile, layout: Layout) -> ibis.Table:
        """Name the bad rows of a text file, or set them aside and return the rest."""
        bad = bad_rows(file.path, layout, file.source)
        if file.source.on_bad_rows == "error":
            first = list(itertools.islice(bad, SHOWN))
            rest = sum(1 for _ in bad)
            raise refuse(file.path, first, str(len(first) + rest))
        rejected = set_aside(file.path, bad, self._rejects)
        expected = count_rows(file.path, layout) - rejected
        kept = self._typed(file, lenient=True).filter(rows.good())
        found = int(kept.count().execute())
        if found != expected:
            raise ProjectError(
                f"{file.path} holds {expected} good rows and {found} of them can be read: mend "
                f"the rows in {self._rejects}, broken quotes first"
            )
        return kept

    def _leave_out(self, file: TableFile, table: ibis.Table, number: int) -> ibis.Table:
        """Likewise for Parquet, whose rows have no lines."""
        strict = file.source.on_bad_rows == "error"
        bad = number_rows(table).filter(~rows.good())
        shown = [
            BadRow(int(row.pop(c.FILE_ORDER)), "no interaction", str(row))
            for row in (bad.limit(SHOWN) if strict else bad).to_pandas().to_dict("records")
        ]
        if strict:
            raise refuse(file.path, shown, str(number))
        set_aside(file.path, shown, self._rejects)
        return table.filter(rows.good())

"""Interactions as they come: a MovieLens release or a table of your own, on the engine."""

from __future__ import annotations

import csv
import itertools
import logging
from pathlib import Path
from typing import Any

import ibis
from ibis import _
from pydantic import ValidationError

from seqrec.engine import rows
from seqrec.engine.atomic_write import new_file
from seqrec.engine.connection import EngineConfig, connect, errors_of, first_line
from seqrec.engine.files import number_rows, read_parquet, read_text
from seqrec.engine.rows import BadRow, Layout
from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.sources import movielens
from seqrec.sources.movielens_formats import SIZES, Size
from seqrec.tables import columns as c

logger = logging.getLogger(__name__)
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
        self._movielens = movielens.Release(name, folder, mirror)

    def provide(self) -> None:
        """Check that the source is there and has its columns; download a release if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        source = self._source()
        if source.path is None:
            self._movielens.provide()
        path, source, layout = self._open()
        if layout:
            fault = next(rows.bad_rows(path, layout, source, first=PREFLIGHT_LINES), None)
            if fault and source.on_bad_rows == "error":
                raise _refusal(path, [fault], "at least 1")
        else:
            self._typed(path, source, layout)

    def load(self) -> ibis.Table:
        """Return the ratings.

        Raises:
            ProjectError: A row is no interaction and `source.on_bad_rows` is ``error``.
        """
        path, source, layout = self._open()
        strict = self._typed(path, source, layout)
        try:
            bad = int(strict.filter(~rows.good()).count().execute())
        except errors_of(strict.get_backend()) as error:  # a line with too few or many columns
            if layout is None:
                raise ProjectError(f"{path} cannot be read: {first_line(error)}") from error
            bad = -1
        if not bad:
            return strict
        if layout is None:
            return self._without_bad(path, strict, source, bad)
        return self._read_around(path, source, layout)

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

    def _open(self) -> tuple[Path, Source, Layout | None]:
        """Find the source; its layout is None if it is Parquet."""
        source = self._source()
        if source.path is None:
            path, columns, separator, header = self._movielens.ratings()
            options = {**columns, "on_bad_rows": source.on_bad_rows, "separator": separator}
            source = source.model_copy(update=options)
            first = _header(path, separator)
            names = first if header else list(columns.values())
        else:
            path = Path(source.path)
            if not path.is_file():
                raise ProjectError(f"source.path: there is no file {path}")
            if path.suffix in (".parquet", ".pq"):
                return path, source, None
            names, header = _header(path, source.separator), 1
        _check_columns(path, names, source)
        return path, source, Layout(tuple(names), source.separator, header)

    def _typed(
        self, path: Path, source: Source, layout: Layout | None, lenient: bool = False
    ) -> ibis.Table:
        engine = connect(self._engine)
        if layout:
            table = read_text(engine, path, layout, lenient)
        else:
            table = read_parquet(engine, path)
            _check_columns(path, list(table.columns), source)
        return rows.typed(table, source)

    def _read_around(self, path: Path, source: Source, layout: Layout) -> ibis.Table:
        """Name the bad rows of a text file, or set them aside and return the rest."""
        bad = rows.bad_rows(path, layout, source)
        if source.on_bad_rows == "error":
            first = list(itertools.islice(bad, SHOWN))
            rest = sum(1 for _ in bad)
            raise _refusal(path, first, str(len(first) + rest))
        counts = self._set_aside(path, bad)
        kept = self._typed(path, source, layout, lenient=True).filter(rows.good())
        expected, found = _count_rows(path, layout) - counts, int(kept.count().execute())
        if found != expected:
            raise ProjectError(
                f"{path} holds {expected} good rows and {found} of them can be read: mend the "
                f"rows in {self._rejects}, broken quotes first"
            )
        return kept

    def _without_bad(self, path: Path, table: ibis.Table, source: Source, bad: int) -> ibis.Table:
        """Likewise for Parquet, whose rows have no lines."""
        bad_ones = number_rows(table).filter(~rows.good())
        first = bad_ones.limit(SHOWN) if source.on_bad_rows == "error" else bad_ones
        shown = [
            BadRow(int(row.pop(c.FILE_ORDER)), "no interaction", str(row))
            for row in first.to_pandas().to_dict("records")
        ]
        if source.on_bad_rows == "error":
            raise _refusal(path, shown, str(bad))
        self._set_aside(path, shown)
        return table.filter(rows.good())

    def _set_aside(self, path: Path, bad: Any) -> int:
        count = 0
        with new_file(self._rejects) as handle:
            writer = csv.writer(handle)
            writer.writerow(["line", "reason", "row"])
            for count, row in enumerate(bad, start=1):  # noqa: B007
                writer.writerow([row.line, row.reason, row.text])
        logger.warning("%s: %d bad rows are set aside in %s", path, count, self._rejects)
        return count


def _refusal(path: Path, bad: list[BadRow], number: str) -> ProjectError:
    lines = "; ".join(f"line {row.line}: {row.reason}" for row in bad)
    return ProjectError(
        f"{path}: {number} bad rows, {lines}; mend them, or set them aside with "
        "--params source.on_bad_rows=reject"
    )


def _header(path: Path, separator: str) -> list[str]:
    """Read the names of a text file's columns."""
    try:
        with rows.open_text(path) as handle:
            first = handle.readline().rstrip("\r\n")
    except (OSError, EOFError) as error:
        raise ProjectError(f"{path} cannot be read ({error})") from error
    if not first:
        raise ProjectError(f"{path} is empty")
    if len(separator) > 1:
        return first.split(separator)
    return next(csv.reader([first], delimiter=separator))


def _check_columns(path: Path, names: list[str], source: Source) -> None:
    for wanted in (source.user, source.item, source.timestamp, source.rating):
        if wanted and wanted not in names:
            raise ProjectError(f"{path}: column {wanted!r} is missing: found {', '.join(names)}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ProjectError(f"{path}: column {twice[0]!r} is there twice")


def _count_rows(path: Path, layout: Layout) -> int:
    return sum(1 for line, row in rows.split_lines(path, layout) if line > layout.header and row)

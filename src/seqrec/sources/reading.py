"""Files of interactions on the engine: good rows, and what becomes of bad ones."""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import pyarrow.parquet as pq
from ibis import _
from ibis.backends import BaseBackend

from seqrec.engine import rows
from seqrec.engine.errors import EngineError
from seqrec.engine.files import engine_errors, number_rows, read_parquet, read_text
from seqrec.engine.layout import Layout
from seqrec.engine.sql import is_valid_utf8
from seqrec.engine.times import SECONDS, Unit
from seqrec.errors import ProjectError
from seqrec.sources import lines, parquet
from seqrec.sources.lines import BadRow
from seqrec.sources.rejects import refuse, setting_aside
from seqrec.sources.table_file import Wanted
from seqrec.tables import columns as c

SHOWN = 3
"""Bad rows in a message."""
PREFLIGHT_LINES = 100
"""Lines that are looked at before a run begins."""


class InteractionsFile(ABC):
    """A file of interactions."""

    path: Path

    @property
    @abstractmethod
    def column_of_times(self) -> str:
        """The file's own name for it."""

    @abstractmethod
    def first_times(self, rows: int) -> list[tuple[str, str]]:
        """List the first times, and where they stand."""

    @abstractmethod
    def read(self, engine: BaseBackend, unit: Unit, rejects: Path | None) -> ibis.Table:
        """Return the good rows, typed.

        Args:
            engine: Reads them.
            unit: Of the times.
            rejects: Where bad rows are set aside; None: they stop the run.

        Raises:
            ProjectError: The file cannot be read, a row is bad and not to be set aside, or none
                is good.
        """

    @abstractmethod
    def check_beginning(self, unit: Unit) -> None:
        """Look at the first rows, if that is quicker than to read the file.

        Raises:
            ProjectError: One of them is bad.
        """


@dataclass(frozen=True)
class TextFile(InteractionsFile):
    """A text file: the engine reads it, and Python what the engine cannot."""

    path: Path
    layout: Layout

    @property
    def column_of_times(self) -> str:
        """The file's own name for it."""
        return self.layout.called(c.TIMESTAMP)

    def first_times(self, rows: int) -> list[tuple[str, str]]:
        """List the first times, and the lines they stand in."""
        return lines.first_values(self.path, self.layout, c.TIMESTAMP, rows)

    def check_beginning(self, unit: Unit) -> None:
        """Look at the first lines."""
        fault = next(lines.bad_rows(self.path, self.layout, unit, first=PREFLIGHT_LINES), None)
        if fault:
            raise refuse(self.path, [fault], "at least 1")

    def read(self, engine: BaseBackend, unit: Unit, rejects: Path | None) -> ibis.Table:
        """Return the good rows, typed."""
        lines.check_packed(self.path)
        table = rows.typed(read_text(engine, self.path, self.layout), unit)
        # Spark puts U+FFFD where a file is no UTF-8; DuckDB refuses.
        doubtful = _[c.USER].contains("\ufffd") | _[c.ITEM].contains("\ufffd")
        bad = ~rows.good() | doubtful if _is_spark(engine) else ~rows.good()
        try:
            number, bad_ones = _count(self.path, table, bad)
        except EngineError:  # a line with too few or too many columns, mixed line ends, …
            return self._read_in_python(engine, unit, rejects)
        if not number:
            raise _no_rows(self.path)
        return self._read_in_python(engine, unit, rejects) if bad_ones else table

    def _read_in_python(self, engine: BaseBackend, unit: Unit, rejects: Path | None) -> ibis.Table:
        good = Path(tempfile.mkdtemp(dir=_scratch())) / "good.parquet"
        bad = lines.bad_rows(self.path, self.layout, unit, good=good)
        first = list(itertools.islice(bad, SHOWN))
        if first and rejects:
            with setting_aside(self.path, itertools.chain(first, bad), rejects):
                if not pq.read_metadata(good).num_rows:
                    raise refuse(self.path, first, "all", whole=True)
        elif first:
            number = len(first) + sum(1 for _ in bad)
            whole = not pq.read_metadata(good).num_rows
            raise refuse(self.path, first, str(number), whole)
        elif not pq.read_metadata(good).num_rows:
            raise _no_rows(self.path)
        return rows.typed(read_parquet(engine, good), unit)


@dataclass(frozen=True)
class ParquetFile(InteractionsFile):
    """A Parquet file; its rows have numbers.

    Attributes:
        path: The file.
        wanted: Its columns.
        content: Where the same rows lie in a form that engines can read; None: in the file.
    """

    path: Path
    wanted: Wanted
    content: Path | None = None

    @property
    def column_of_times(self) -> str:
        """The file's own name for it."""
        return self.wanted[c.TIMESTAMP]

    def first_times(self, rows: int) -> list[tuple[str, str]]:
        """List the first times, and the rows they stand in."""
        return parquet.first_values(self.path, self.column_of_times, rows)

    def check_beginning(self, unit: Unit) -> None:
        """Leave it to `read`."""

    def read(self, engine: BaseBackend, unit: Unit, rejects: Path | None) -> ibis.Table:
        """Return the good rows, typed."""
        if _is_spark(engine) and self.content is None and self._unit_of_timestamps() == "ns":
            return self._with_seconds().read(engine, SECONDS, rejects)
        file = read_parquet(engine, self.content or self.path)
        raw = file.select(**{ours: file[theirs] for ours, theirs in self.wanted.items()})
        table = rows.typed(raw, unit)
        try:
            number, bad = self._count(table)
            if not number:
                raise _no_rows(self.path)
            if not bad:
                return table
            shown = bad if rejects and bad < number else SHOWN
            found = list(self._bad_rows(raw, unit, shown))
        except EngineError:
            parquet.check_encoding(self.path, list(self.wanted.values()))
            if self.content is None and self._unit_of_timestamps():
                return self._with_seconds().read(engine, SECONDS, rejects)
            raise
        if rejects is None or bad == number:
            raise refuse(self.path, found, str(bad), whole=bad == number, noun="row")
        with setting_aside(self.path, found, rejects):
            return table.filter(rows.good())

    def _unit_of_timestamps(self) -> str | None:
        return parquet.unit_of_timestamps(self.path, self.column_of_times)

    def _with_seconds(self) -> ParquetFile:
        """Make the file one that every engine can read."""
        copy = Path(tempfile.mkdtemp(dir=_scratch())) / "copy.parquet"
        columns = list(self.wanted.values())
        parquet.copy_with_seconds(self.path, self.column_of_times, columns, copy)
        return replace(self, content=copy)

    def _count(self, table: ibis.Table) -> tuple[int, int]:
        """Count all rows and the bad ones."""
        if _is_spark(table.get_backend()):
            valid = is_valid_utf8(table[c.USER]) & is_valid_utf8(table[c.ITEM])
            if _count(self.path, table, ~valid)[1]:
                parquet.check_encoding(self.path, list(self.wanted.values()))
        return _count(self.path, table, ~rows.good())

    def _bad_rows(self, raw: ibis.Table, unit: Unit, number: int) -> Iterator[BadRow]:
        """Yield the first bad rows and what is wrong with them."""
        numbered = number_rows(raw)
        values = {f"raw_{name}": numbered[name].cast("string") for name in raw.columns}
        typed = numbered.select(c.FILE_ORDER, **rows.typed_columns(numbered, unit), **values)
        bad = typed.filter(~rows.good()).order_by(c.FILE_ORDER).limit(number)
        from_zero = _is_spark(raw.get_backend())
        for row in bad.to_pandas().astype(object).to_dict("records"):
            given = {name: _text(row[f"raw_{name}"]) for name in raw.columns}
            reason = next(self._faults(row, given, unit))
            yield BadRow(row[c.FILE_ORDER] + from_zero, reason, ",".join(given.values()))

    def _faults(self, row: dict[str, object], given: dict[str, str], unit: Unit) -> Iterator[str]:
        for name in (c.USER, c.ITEM):
            if not _text(row[name]):
                missing = given[name].lower() in ("", "nan")
                what = f"{self.wanted[name]} {given[name]} is no whole number"
                yield f"no {self.wanted[name]}" if missing else what
        if not _text(row[c.TIMESTAMP]):
            what = f"is no time from 1970 to 2286 (time_unit={unit.name})"
            yield f"{self.wanted[c.TIMESTAMP]} {given[c.TIMESTAMP] or 'null'} {what}"
        yield f"{self.wanted.get(c.RATING)} {given.get(c.RATING) or 'null'} is no number"


def _text(value: object) -> str:
    """Return a text; nothing for what pandas has for a null."""
    return "" if value is None or value != value else str(value)


def _count(path: Path, table: ibis.Table, bad: ibis.Deferred) -> tuple[int, int]:
    """Count all rows and the bad ones."""
    with engine_errors(table.get_backend(), f"{path} cannot be read"):
        counts = table.agg(rows=_.count(), bad=bad.sum()).to_pandas().fillna(0).iloc[0]
    return int(counts["rows"]), int(counts["bad"])


def _is_spark(engine: BaseBackend) -> bool:
    return bool(engine.name == "pyspark")


def _no_rows(path: Path) -> ProjectError:
    return ProjectError(f"{path} holds no interactions")


@functools.cache
def _scratch() -> Path:
    """Return a folder that is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="seqrec-rows-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)

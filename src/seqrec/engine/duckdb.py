"""DuckDB, in this process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis.backends import BaseBackend

from seqrec.engine.errors import first_line
from seqrec.engine.layout import Layout
from seqrec.engine.names import is_packed, literal
from seqrec.errors import ProjectError
from seqrec.tables import columns as c


def open_engine(settings: dict[str, Any]) -> BaseBackend:
    """Open DuckDB.

    Args:
        settings: DuckDB's own, ``memory_limit``, ``threads``, …

    Raises:
        ProjectError: DuckDB does not know a setting.
    """
    # What does not fit into memory goes to a folder that is removed when the process ends well.
    if "temp_directory" not in settings:
        folder = tempfile.mkdtemp(prefix="seqrec-duckdb-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        settings = {**settings, "temp_directory": folder}
    try:
        engine = ibis.duckdb.connect(**settings)
    except duckdb.Error as error:
        raise ProjectError(f"engine: {first_line(error)} (globals.yml)") from error
    engine.raw_sql("SET TimeZone = 'UTC'")
    engine.raw_sql("SET enable_progress_bar = true")  # it counts, for `share_done`
    engine.raw_sql("SET enable_progress_bar_print = false")
    return engine


def errors() -> tuple[type[Exception], ...]:
    """Name what DuckDB raises where input, memory or disk is at fault, not the program."""
    return duckdb.Error, OSError


def read_parquet(engine: BaseBackend, path: Path) -> ibis.Table:
    """Open a Parquet file, or a folder of parts in their order."""
    plain = literal(path)
    parts = sorted(map(str, plain.glob("*.parquet"))) if plain.is_dir() else str(plain)
    return engine.read_parquet(parts, hive_partitioning=False)


def read_text(engine: BaseBackend, path: Path, layout: Layout) -> ibis.Table:
    """Open a text file with every column as text, under the layout's names for engines."""
    return engine.read_csv(
        str(literal(path)),
        sep=layout.separator,
        header=bool(layout.header),
        auto_detect=False,
        columns=dict.fromkeys(layout.columns, "VARCHAR"),
        quote=layout.quote,
        escape=layout.quote,
        hive_partitioning=False,
        compression="gzip" if is_packed(path) else "none",
    )


def number_rows(table: ibis.Table) -> ibis.Table:
    """Add `file_order`."""
    # Ibis' own row number keeps all rows in memory; this one streams.
    name = ibis.util.gen_name("rows")
    query = f"SELECT *, row_number() OVER () AS {c.FILE_ORDER} FROM {name}"  # noqa: S608
    return table.alias(name).sql(query)


def write_parquet(table: ibis.Table, path: Path) -> None:
    """Compute a table into a Parquet file."""
    table.get_backend().to_parquet(table, path)


def write_text(table: ibis.Table, path: Path) -> None:
    """Compute a table into one tab-separated text file with a header."""
    table.get_backend().to_csv(table, path, delimiter="\t", header=True)


def share_done(engine: Any) -> float | None:
    """Tell how much of the present query is done, 0 to 1; None if that is not known."""
    percent: float = engine.con.query_progress()
    return percent / 100 if percent >= 0 else None

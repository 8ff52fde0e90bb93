"""Text and Parquet files as tables of the engine, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from seqrec.engine.connection import ENGINES
from seqrec.engine.errors import EngineError, first_line
from seqrec.engine.layout import Layout


def read_parquet(engine: BaseBackend, path: Path) -> ibis.Table:
    """Open a Parquet file, or a folder of parts in their order, whichever engine wrote it.

    The path is a name: neither a pattern of files nor a source of columns.

    Raises:
        EngineError: It is no Parquet.
    """
    with engine_errors(engine, f"{path} cannot be read"):
        return ENGINES[engine.name].read_parquet(engine, path)


def read_text(engine: BaseBackend, path: Path, layout: Layout) -> ibis.Table:
    """Open a text file: the columns that are read, as text, under our names.

    Args:
        engine: Reads it.
        path: The file, ``.gz`` or not.
        layout: How it is laid out.
    """
    table = ENGINES[engine.name].read_text(engine, path, layout)
    return table.select(**{name: table[layout.columns[at]] for name, at in layout.wanted.items()})


def number_rows(table: ibis.Table) -> ibis.Table:
    """Add `file_order`, which grows from row to row of the one file that a table is read from."""
    return ENGINES[table.get_backend().name].number_rows(table)


def write_parquet(table: ibis.Table, path: Path) -> None:
    """Compute a table into a Parquet file, or with Spark into a folder of them, rows in order.

    Raises:
        EngineError: The engine cannot: memory or disk is full, an input is gone.
    """
    engine = table.get_backend()
    with engine_errors(engine, f"{path.name} cannot be computed"):
        ENGINES[engine.name].write_parquet(table, path)


def write_text(table: ibis.Table, path: Path) -> None:
    """Compute a table into one tab-separated text file with a header, never held in memory.

    Raises:
        EngineError: As for `write_parquet`.
    """
    engine = table.get_backend()
    with engine_errors(engine, f"{path.name} cannot be computed"):
        ENGINES[engine.name].write_text(table, path)


@contextmanager
def engine_errors(engine: BaseBackend, what: str) -> Iterator[None]:
    """Have an engine's own errors told in one line while the block runs.

    Args:
        engine: Computes in the block.
        what: Begins the line.

    Raises:
        EngineError: Input, memory or disk is at fault.
    """
    try:
        yield
    except ENGINES[engine.name].errors() as error:
        raise EngineError(f"{what}: {first_line(error)}") from error

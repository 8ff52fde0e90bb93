"""Open the engine that a configuration names: DuckDB in this process, or Apache Spark."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import ibis
from ibis.backends import BaseBackend

from seqrec.engine import duckdb, spark
from seqrec.engine.layout import Layout
from seqrec.errors import ProjectError

EngineConfig = dict[str, Any]
# Ibis 12 asks pandas 3 and DuckDB 1.5 for what they are about to rename; nothing a user can mend.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")


class Engine(Protocol):
    """What `seqrec.engine.duckdb` and `seqrec.engine.spark` offer."""

    def open_engine(self, settings: dict[str, Any]) -> BaseBackend:
        """Open the engine with its own settings."""

    def errors(self) -> tuple[type[Exception], ...]:
        """Name what it raises where input, memory or disk is at fault, not the program."""

    def read_parquet(self, engine: BaseBackend, path: Path) -> ibis.Table:
        """Open a Parquet file, or a folder of parts in their order."""

    def read_text(self, engine: BaseBackend, path: Path, layout: Layout) -> ibis.Table:
        """Open a text file with every column as text, under the layout's names for engines."""

    def number_rows(self, table: ibis.Table) -> ibis.Table:
        """Add `file_order`."""

    def write_parquet(self, table: ibis.Table, path: Path) -> None:
        """Compute a table into Parquet."""

    def write_text(self, table: ibis.Table, path: Path) -> None:
        """Compute a table into one tab-separated text file with a header."""

    def share_done(self, engine: BaseBackend) -> float | None:
        """Tell how much of the present query is done, 0 to 1; None if that is not known."""


ENGINES: dict[str, Engine] = {"duckdb": duckdb, "pyspark": spark}
"""By Ibis' name of the backend."""


def connect(config: EngineConfig) -> BaseBackend:
    """Return the engine of a configuration, the same one each time.

    Args:
        config: ``backend``: ``duckdb`` or ``pyspark``. What else is there goes to the engine:
            DuckDB's settings (``memory_limit``, ``threads``), Spark's ``master`` and ``spark.…``.

    Raises:
        ProjectError: The backend is unknown or its package is not installed.
    """
    return _connect(json.dumps(config, sort_keys=True, default=dict))


def share_done_of(inputs: Iterable[object]) -> Callable[[], float | None]:
    """Return a function, for another thread, that tells how far the engine is.

    Args:
        inputs: What is computed with; the first table names the engine.
    """
    for table in inputs:
        if isinstance(table, ibis.Table):
            engine = table.get_backend()
            return functools.partial(ENGINES[engine.name].share_done, engine)
    return lambda: None


@functools.cache
def _connect(config: str) -> BaseBackend:
    settings = {name: value for name, value in json.loads(config).items() if value is not None}
    backend = settings.pop("backend", None)
    if backend not in ENGINES:
        known = " or ".join(ENGINES)
        raise ProjectError(f"engine.backend {backend!r} is unknown: {known} (globals.yml)")
    return ENGINES[backend].open_engine(settings)

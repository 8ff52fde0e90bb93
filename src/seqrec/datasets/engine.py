"""The engine that computes tables: DuckDB in this process, or Apache Spark, both behind Ibis."""

from __future__ import annotations

import functools
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import ibis
from ibis.backends import BaseBackend

from seqrec import columns as c
from seqrec.datasets.sql import monotonically_increasing_id
from seqrec.errors import ProjectError

EngineConfig = dict[str, Any]
# Ibis 12 asks pandas 3 and DuckDB 1.5 for what they are about to rename; nothing a user can mend.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")


def connect(config: EngineConfig) -> BaseBackend:
    """Return the engine of a configuration, the same one each time.

    Args:
        config: ``backend``: ``duckdb`` or ``pyspark``. What else is there goes to the engine:
            DuckDB's settings (``memory_limit``, ``threads``), Spark's ``master`` and ``spark.…``.

    Raises:
        ProjectError: The backend is unknown or its package is not installed.
    """
    return _connect(json.dumps(config, sort_keys=True, default=dict))


@functools.cache
def _connect(config: str) -> BaseBackend:
    settings = {name: value for name, value in json.loads(config).items() if value is not None}
    backend = settings.pop("backend", None)
    if backend == "duckdb":
        return _duckdb(settings)
    if backend == "pyspark":
        return _spark(settings)
    raise ProjectError(f"engine.backend {backend!r} is unknown: duckdb or pyspark (globals.yml)")


def _duckdb(settings: dict[str, Any]) -> BaseBackend:
    # What does not fit into memory goes to a folder that vanishes with the process.
    spill = tempfile.TemporaryDirectory(prefix="seqrec-duckdb-")
    engine = ibis.duckdb.connect(temp_directory=spill.name, **settings)
    engine.raw_sql("SET TimeZone = 'UTC'")
    engine.raw_sql("SET enable_progress_bar = false")
    engine.spill = spill  # lives as long as the engine
    return engine


def _spark(settings: dict[str, Any]) -> BaseBackend:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ProjectError(
            "the engine pyspark needs PySpark and Java 17: pip install -e '.[spark]'"
        ) from error
    builder = SparkSession.builder.appName("seqrec").master(settings.pop("master", "local[*]"))
    fixed = {"spark.sql.session.timeZone": "UTC", "spark.ui.showConsoleProgress": "false"}
    for name, value in {"spark.ui.enabled": "false", **settings, **fixed}.items():
        builder = builder.config(name, str(value))
    try:
        session = builder.getOrCreate()
    except Exception as error:  # Py4J's errors and PySpark's share no base
        raise ProjectError(
            f"Spark does not start ({str(error).splitlines()[0]}): is Java 17 installed, and the "
            "master reachable?"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def is_spark(engine: BaseBackend) -> bool:
    """Tell whether tables may be spread over several files and machines."""
    return bool(engine.name == "pyspark")


def local_path(path: Path) -> str:
    """Spell a path so that Spark looks on this machine, whatever its default file system."""
    return f"file://{path.absolute()}"


def number_rows(table: ibis.Table) -> ibis.Table:
    """Add `file_order`, which grows from row to row of the one file that a table is read from."""
    engine = table.get_backend()
    if is_spark(engine):
        return table.mutate(**{c.FILE_ORDER: monotonically_increasing_id()})
    # Ibis' own row number keeps all rows in memory; this one streams.
    name = ibis.util.gen_name("rows")
    query = f"SELECT *, row_number() OVER () AS {c.FILE_ORDER} FROM {name}"  # noqa: S608
    return table.alias(name).sql(query)


def write_parquet(table: ibis.Table, path: Path) -> None:
    """Compute a table into a Parquet file, or with Spark into a folder of them, rows in order."""
    engine = table.get_backend()
    if is_spark(engine):
        engine.to_parquet_dir(table, local_path(path))
    else:
        engine.to_parquet(table, path)


def write_text(table: ibis.Table, path: Path) -> None:
    """Compute a table into one tab-separated text file with a header, never held in memory."""
    engine = table.get_backend()
    if not is_spark(engine):
        engine.to_csv(table, path, delimiter="\t", header=True)
        return
    # A cluster writes parts; the one file that RecBole reads is put together here.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".parts-") as folder:
        parts = Path(folder) / "parts"
        write_parquet(table, parts)
        local = connect({"backend": "duckdb"})
        write_text(local.read_parquet(sorted(map(str, parts.glob("*.parquet")))), path)

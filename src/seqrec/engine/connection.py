"""The engine that computes tables: DuckDB in this process, or Apache Spark, both behind Ibis."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
import warnings
from typing import Any

import duckdb
import ibis
from ibis.backends import BaseBackend

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
    # What does not fit into memory goes to a folder that is removed when the process ends well.
    if "temp_directory" not in settings:
        folder = tempfile.mkdtemp(prefix="seqrec-duckdb-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        settings["temp_directory"] = folder
    try:
        engine = ibis.duckdb.connect(**settings)
    except duckdb.Error as error:
        raise ProjectError(f"engine: {first_line(error)} (globals.yml)") from error
    engine.raw_sql("SET TimeZone = 'UTC'")
    engine.raw_sql("SET enable_progress_bar = false")
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
            f"Spark does not start ({first_line(error)}): is Java 17 installed, and the "
            "master reachable?"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def is_spark(engine: BaseBackend) -> bool:
    """Tell whether tables may be spread over several files and machines."""
    return bool(engine.name == "pyspark")


def errors_of(engine: BaseBackend) -> tuple[type[Exception], ...]:
    """Tell what an engine raises where input, memory or disk is at fault, not the program."""
    if not is_spark(engine):
        return duckdb.Error, OSError
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return Py4JError, PySparkException, OSError


def first_line(error: Exception) -> str:
    """Shorten an engine's message, which may go on with advice and stack traces."""
    return str(error).strip().splitlines()[0]

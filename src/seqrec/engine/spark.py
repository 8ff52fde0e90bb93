"""Apache Spark: tables may be spread over several files and machines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ibis
from ibis.backends import BaseBackend

from seqrec.engine import duckdb
from seqrec.engine.errors import first_line
from seqrec.engine.layout import Layout
from seqrec.engine.names import literal
from seqrec.engine.sql import monotonically_increasing_id
from seqrec.errors import ProjectError
from seqrec.tables import columns as c


def open_engine(settings: dict[str, Any]) -> BaseBackend:
    """Start Spark, or join the session that runs.

    Args:
        settings: ``master`` and Spark's own, ``spark.…``.

    Raises:
        ProjectError: PySpark or Java is not installed, or the master is not reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ProjectError(
            "the engine pyspark needs PySpark and Java 17: pip install -e '.[spark]'"
        ) from error
    builder = SparkSession.builder.appName("seqrec").master(settings.get("master", "local[*]"))
    for name, value in _options(settings).items():
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


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    fixed = {"spark.sql.session.timeZone": "UTC", "spark.ui.showConsoleProgress": "false"}
    given = {name: value for name, value in settings.items() if name != "master"}
    return {"spark.ui.enabled": "false", **given, **fixed}


def errors() -> tuple[type[Exception], ...]:
    """Name what Spark raises where input, memory or disk is at fault, not the program."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return Py4JError, PySparkException, OSError


def read_parquet(engine: BaseBackend, path: Path) -> ibis.Table:
    """Open a Parquet file, or a folder of parts in their order."""
    return engine.read_parquet(_local(literal(path)))


def read_text(engine: BaseBackend, path: Path, layout: Layout) -> ibis.Table:
    """Open a text file with every column as text, under the layout's names for engines."""
    from pyspark.sql.types import StringType, StructField, StructType

    # With its columns pruned, a line may lack what is not read.
    frame = engine._session.read.option("columnPruning", "false").csv(
        _local(literal(path)),
        schema=StructType([StructField(name, StringType()) for name in layout.columns]),
        sep=layout.separator,
        quote=layout.quote,
        escape=layout.quote,
        header=bool(layout.header),
        mode="FAILFAST",
    )
    name = ibis.util.gen_name("ratings")
    frame.createOrReplaceTempView(name)
    return engine.table(name)


def number_rows(table: ibis.Table) -> ibis.Table:
    """Add `file_order`."""
    return table.mutate(**{c.FILE_ORDER: monotonically_increasing_id()})


def write_parquet(table: ibis.Table, path: Path) -> None:
    """Compute a table into a folder of Parquet files, rows in order."""
    table.get_backend().to_parquet_dir(table, _local(path))


def write_text(table: ibis.Table, path: Path) -> None:
    """Compute a table into one tab-separated text file with a header.

    A cluster writes parts; DuckDB puts them together in the one file that RecBole reads.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".parts-") as folder:
        parts = Path(folder) / "parts"
        write_parquet(table, parts)
        duckdb.write_text(duckdb.read_parquet(duckdb.open_engine({}), parts), path)


def _local(path: Path) -> str:
    """Spell a path so that Spark looks on this machine, whatever its default file system."""
    return f"file://{path.absolute()}"


def share_done(engine: Any) -> float | None:
    """Know nothing: Spark shows its jobs on a page of its own."""
    return None

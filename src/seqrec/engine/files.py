"""Text and Parquet files as tables of the engine, and back."""

from __future__ import annotations

import atexit
import functools
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from seqrec.engine.connection import connect, errors_of, first_line, is_spark
from seqrec.engine.lines import Layout, is_packed
from seqrec.engine.sql import monotonically_increasing_id
from seqrec.errors import ProjectError
from seqrec.tables import columns as c

_PATTERN = re.compile(r"[*?\[\]{}\\]")


def read_parquet(engine: BaseBackend, path: Path) -> ibis.Table:
    """Open a Parquet file, or a folder of parts in their order, whichever engine wrote it.

    The path is a name: neither a pattern of files nor a source of columns.

    Raises:
        ProjectError: It is no Parquet.
    """
    plain = literal(path)
    try:
        if is_spark(engine):
            return engine.read_parquet(_local(plain))
        parts = sorted(map(str, plain.glob("*.parquet"))) if plain.is_dir() else str(plain)
        return engine.read_parquet(parts, hive_partitioning=False)
    except errors_of(engine) as error:
        raise ProjectError(f"{path} cannot be read: {first_line(error)}") from error


def read_text(engine: BaseBackend, path: Path, layout: Layout) -> ibis.Table:
    """Open a text file: the columns that are read, as text, under our names.

    Args:
        engine: Reads it.
        path: The file, ``.gz`` or not.
        layout: How it is laid out.
    """
    # Names of the file's own may be empty, or differ only by case.
    columns = [f"column_{place}" for place in range(len(layout.names))]
    quote = '"' if len(layout.separator) == 1 else ""
    if is_spark(engine):
        table = _read_text_with_spark(engine, literal(path), layout, columns, quote)
    else:
        table = engine.read_csv(
            str(literal(path)), sep=layout.separator, header=bool(layout.header),
            auto_detect=False, columns=dict.fromkeys(columns, "VARCHAR"), quote=quote,
            escape=quote, hive_partitioning=False,
            compression="gzip" if is_packed(path) else "none",
        )  # fmt: skip
    return table.select(**{name: table[columns[at]] for name, at in layout.wanted.items()})


def _read_text_with_spark(
    engine: BaseBackend, path: Path, layout: Layout, columns: list[str], quote: str
) -> ibis.Table:
    from pyspark.sql.types import StringType, StructField, StructType

    schema = StructType([StructField(name, StringType()) for name in columns])
    frame = engine._session.read.csv(
        _local(path), schema=schema, sep=layout.separator, quote=quote, escape=quote,
        header=bool(layout.header), mode="FAILFAST",
    )  # fmt: skip
    name = ibis.util.gen_name("ratings")
    frame.createOrReplaceTempView(name)
    return engine.table(name)


def literal(path: Path) -> Path:
    """Return a path that an engine takes for a name: itself, or a link that leads to it.

    DuckDB and Spark take ``*``, ``?`` and brackets for patterns, and Spark passes over files that
    begin with ``_`` or a dot. The link is removed when the process ends.

    Args:
        path: A file or folder.
    """
    whole = path.absolute()
    suffix = path.suffix.lower()  # Spark does not know .GZ
    plain = not (_PATTERN.search(str(whole)) or whole.name.startswith(("_", ".")))
    if plain and path.suffix == suffix:
        return path
    link = _folder_of_links() / f"{hashlib.sha256(str(whole).encode()).hexdigest()}{suffix}"
    with suppress(FileExistsError):
        link.symlink_to(whole)
    return link


@functools.cache
def _folder_of_links() -> Path:
    folder = tempfile.mkdtemp(prefix="seqrec-links-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


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
    """Compute a table into a Parquet file, or with Spark into a folder of them, rows in order.

    Raises:
        ProjectError: The engine cannot: memory or disk is full, an input is gone.
    """
    engine = table.get_backend()
    with _computing(engine, path):
        if is_spark(engine):
            engine.to_parquet_dir(table, _local(path))
        else:
            engine.to_parquet(table, path)


def write_text(table: ibis.Table, path: Path) -> None:
    """Compute a table into one tab-separated text file with a header, never held in memory.

    Raises:
        ProjectError: As for `write_parquet`.
    """
    engine = table.get_backend()
    if not is_spark(engine):
        with _computing(engine, path):
            engine.to_csv(table, path, delimiter="\t", header=True)
        return
    # A cluster writes parts; the one file that RecBole reads is put together here.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".parts-") as folder:
        parts = Path(folder) / "parts"
        write_parquet(table, parts)
        write_text(read_parquet(connect({"backend": "duckdb"}), parts), path)


@contextmanager
def _computing(engine: BaseBackend, path: Path) -> Iterator[None]:
    try:
        yield
    except errors_of(engine) as error:
        raise ProjectError(f"{path.name} cannot be computed: {first_line(error)}") from error


def _local(path: Path) -> str:
    """Spell a path so that Spark looks on this machine, whatever its default file system."""
    return f"file://{path.absolute()}"

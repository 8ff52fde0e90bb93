"""Parquet that may have no checksum: what was cut or is something else shows without its rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def check_schemas(path: Path) -> None:
    """Read the schema of a Parquet file, or of each part of a folder.

    Raises:
        OSError: A file cannot be read.
        ValueError: It is no Parquet, or the folder has no parts.
    """
    parts = list(path.glob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise ValueError("the folder has no parts")
    for part in parts:
        pq.read_schema(part)

"""Paths that an engine takes for names."""

from __future__ import annotations

import atexit
import functools
import hashlib
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PATTERN = re.compile(r"[*?\[\]{}\\]")


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


def is_packed(path: Path) -> bool:
    """Tell whether a file is packed with gzip, by its name."""
    return path.suffix.lower() == ".gz"


@functools.cache
def _folder_of_links() -> Path:
    folder = tempfile.mkdtemp(prefix="seqrec-links-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)

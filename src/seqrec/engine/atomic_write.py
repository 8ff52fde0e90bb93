"""Directories and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield an empty directory that replaces `target` when the block ends well.

    An interrupted or failing block leaves `target` as it was: Kedro takes the newest version
    folder for complete, so a half-written one must never exist under its final name. Contents are
    on the disk before the name is: a machine that loses power keeps the old or the new.

    Args:
        target: The directory to make or replace.

    Yields:
        A temporary directory beside `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield scratch
        scratch.chmod(0o755)  # mkdtemp makes it private; an artifact is not
        for path in (*scratch.rglob("*"), scratch):
            _flush(path)
        give_name(scratch, target)
        _flush(target.parent)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def give_name(made: Path, target: Path) -> None:
    """Rename a file or directory; a directory that has the name makes way and is removed last.

    Killed between the two renames, it leaves both whole, under hidden names.

    Args:
        made: What is complete, on the same file system.
        target: Its name.
    """
    earlier = made.with_name(f"{made.name}.earlier")
    if target.is_dir():
        target.replace(earlier)
    made.replace(target)
    shutil.rmtree(earlier, ignore_errors=True)


@contextmanager
def new_file(target: Path) -> Iterator[IO[str]]:
    """Yield a text file that replaces `target` when the block ends well.

    Args:
        target: The file to make or replace; its folder is made.

    Yields:
        The file, open for writing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    scratch = Path(name)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as opened:
            yield opened
        scratch.chmod(0o644)
        _flush(scratch)
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Have the system write a file or a directory's names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

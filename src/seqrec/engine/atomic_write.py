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
def scratch_directory(target: Path) -> Iterator[Path]:
    """Yield an empty, hidden directory beside `target`; it is gone after the block.

    Args:
        target: What is to be made in the directory, or of it.

    Yields:
        The directory.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        scratch.chmod(0o755)  # mkdtemp makes it private; an artifact is not
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield an empty directory that becomes `target` when the block ends well.

    An interrupted or failing block leaves nothing: Kedro takes the newest version folder for
    complete, so a half-written one must never exist under its final name. Contents are on the
    disk before the name is: a machine that loses power has all of them or no such name.

    Args:
        target: The directory to make; one that is there already and not empty stays.

    Yields:
        A temporary directory beside `target`.

    Raises:
        OSError: The name is taken, or the disk is full.
    """
    with scratch_directory(target) as scratch:
        yield scratch
        flush(scratch)
        scratch.replace(target)
        flush(target.parent, below=False)


def give_name(made: Path, target: Path) -> None:
    """Rename a file or directory; what has the name makes way and is removed last.

    Killed between the two renames, it leaves both whole, the earlier under a hidden name.

    Args:
        made: What is complete, in a directory on the same file system.
        target: Its name. A directory may replace a file, and a file a directory.
    """
    if not made.is_dir() and not target.is_dir():
        made.replace(target)
        return
    earlier = made.with_name(f".{made.name}.earlier")
    if os.path.lexists(target):
        target.replace(earlier)
    try:
        made.replace(target)
    except BaseException:
        if os.path.lexists(earlier):
            earlier.replace(target)
        raise
    if earlier.is_dir() and not earlier.is_symlink():
        shutil.rmtree(earlier, ignore_errors=True)
    else:
        earlier.unlink(missing_ok=True)


@contextmanager
def new_file(target: Path) -> Iterator[IO[str]]:
    """Yield a text file that replaces `target` when the block ends well.

    Args:
        target: The file to make or replace; its folder is made.

    Yields:
        The file, open for writing.
    """
    with scratch_directory(target) as scratch:
        made = scratch / target.name
        with made.open("w", encoding="utf-8", newline="") as opened:
            yield opened
        flush(made)
        give_name(made, target)


def flush(path: Path, below: bool = True) -> None:
    """Have the system write a file or a directory's names to the disk.

    Args:
        path: The file or directory.
        below: Whether everything in a directory is meant too.

    Raises:
        OSError: The disk is full or fails.
    """
    for each in (*(path.rglob("*") if below else ()), path):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

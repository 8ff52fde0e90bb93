"""Zip archives: checked once, and only what is needed is taken out."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import IO

from seqrec.errors import ProjectError
from seqrec.sources.download import check_md5

logger = logging.getLogger(__name__)

LARGEST_RATIO = 100
"""A table shrinks to a fifth or a tenth of its size; what shrinks more than this is a zip bomb."""


def check_archive(archive: Path, md5: str | None) -> None:
    """Check an archive's sum, once per process as long as the file stays the same.

    Args:
        archive: The file.
        md5: What it must be; None: its publisher changes it.

    Raises:
        ProjectError: It is another file, or a part of one.
    """
    stat = archive.stat()
    _check_once(archive, md5, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _check_once(archive: Path, md5: str | None, size: int, changed: int) -> None:
    if md5:
        check_md5(archive, md5)


def unpack(archive: Path, member: str, target: Path) -> None:
    """Take one file out of an archive; it is there whole or not at all.

    Args:
        archive: The archive.
        member: The file's name inside.
        target: Where it goes; its folder is made.

    Raises:
        ProjectError: The archive is damaged or encrypted, the file is far too large or cannot be
            written.
    """
    logger.info("unpacking %s of %s", target.name, archive)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")  # others may unpack it too
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with zipfile.ZipFile(archive) as opened, _open(opened, member) as packed:
            _copy(packed, part)
        part.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise ProjectError(f"{archive} is damaged ({error}): download it again") from error
    except OSError as error:
        raise ProjectError(f"{target} cannot be unpacked: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
        _remove_if_empty(target.parent)


def _open(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    """Open a file of an archive; no more than the size that the archive states is ever read."""
    info = archive.getinfo(member)
    if info.file_size > LARGEST_RATIO * max(info.compress_size, 1):
        size = f"{info.file_size / 1e6:,.0f} MB out of {info.compress_size / 1e6:,.1f} MB"
        raise ProjectError(
            f"{archive.filename}: {member} would be {size}, which no table of ratings is: "
            "download the archive again"
        )
    try:
        return archive.open(info)
    except RuntimeError as error:  # NotImplementedError is one too
        raise ProjectError(
            f"{archive.filename} cannot be unpacked ({str(error).split(',')[0]}): download it "
            "again, or unpack it yourself beside the archive"
        ) from error


def _copy(packed: IO[bytes], target: Path) -> None:
    with target.open("xb") as handle:  # anew: a link in its place is not followed
        shutil.copyfileobj(packed, handle, 1 << 20)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir() if folder.is_dir() else ()):
        shutil.rmtree(folder, ignore_errors=True)

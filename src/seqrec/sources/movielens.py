"""MovieLens releases: where their tables are, and how they get there."""

from __future__ import annotations

import functools
import logging
import shutil
import zipfile
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pandas as pd

from seqrec.errors import ProjectError, suggest
from seqrec.sources.download import check_md5, download
from seqrec.sources.movielens_formats import (
    EMBEDDED,
    MD5,
    RELEASES,
    USER_COLUMNS,
    Columns,
    Format,
    Table,
    name_movies,
)

logger = logging.getLogger(__name__)

LARGEST_RATIO = 100
"""A table shrinks to a fifth or a tenth of its size; what shrinks more than this is a zip bomb."""


class Release:
    """A MovieLens release, wherever it lies.

    Its archive or its unpacked folder may lie in `folder`; otherwise the archive is downloaded
    there. ML-100K needs no file: the `recbole` package carries it.

    Args:
        name: ``ml-100k``, ``ml-1m``, ``ml-10m``, ``ml-20m``, ``ml-25m``, ``ml-32m`` or
            ``ml-latest-small``.
        folder: Holds ``<name>.zip`` or the unpacked ``<name>/``.
        mirror: Address below which ``<name>.zip`` lies; None: nothing is downloaded.
    """

    def __init__(self, name: str, folder: Path, mirror: str | None = None) -> None:
        self.name, self._folder, self._mirror = name, folder, mirror
        self._archive, self._unpacked = folder / f"{name}.zip", folder / name

    def provide(self) -> None:
        """Have the release there, and whole: download and check its archive if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        self._format()
        if self._archive.is_file() and not self._unpacked.is_dir():
            stat = self._archive.stat()
            _check_once(self._archive, MD5.get(self.name), stat.st_size, stat.st_mtime_ns)
        elif self._mirror and not (self._unpacked.is_dir() or self.name == "ml-100k"):
            url = f"{self._mirror.rstrip('/')}/{self._archive.name}"
            download(url, self._archive, MD5.get(self.name))

    def ratings(self) -> tuple[Path, Columns, str, int]:
        """Return the ratings' file, unpacked if need be, its columns, separator, header lines.

        Raises:
            ProjectError: The release is unknown, not there or damaged.
        """
        path, form = self._find(lambda form: form.ratings.name)
        return path, form.ratings.columns, form.ratings.separator, int(form.ratings.header)

    def movies(self) -> pd.DataFrame:
        """Read item_id, title, year (of the title's last parenthesis) and genres (``a|b``).

        Raises:
            ProjectError: The release is unknown, not there, damaged or of another format.
        """
        return self._read("movies", name_movies)

    def users(self) -> pd.DataFrame:
        """Read user_id, age, gender, occupation and zip_code; no row if the release has none.

        Raises:
            ProjectError: As for movies.
        """
        if self._format().users is None:
            return pd.DataFrame(columns=USER_COLUMNS, dtype=str)
        return self._read("users", lambda rows: rows.set_axis(USER_COLUMNS, axis="columns"))

    def _read(self, kind: str, named: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        path, form = self._find(lambda form: getattr(form, kind).name)
        table: Table = getattr(form, kind)
        try:
            with path.open(encoding=table.encoding) as text:
                rows = table.read(text)
            if rows.empty:
                raise ValueError("it is empty")
            return named(rows)
        except ProjectError as error:
            raise ProjectError(f"{path}: {error}") from error
        except (ValueError, IndexError, KeyError) as error:
            what = str(error).strip() or type(error).__name__
            raise ProjectError(f"{path} is not a {self.name} {kind} file: {what}") from error

    def _format(self) -> Format:
        if self.name not in RELEASES:
            raise ProjectError(
                f"unknown dataset {self.name!r}{suggest(self.name, RELEASES)}: choose one of "
                f"{', '.join(RELEASES)} (`dataset` in globals.yml or --params dataset=…), or name "
                "a table of your own with source.path"
            )
        return RELEASES[self.name]

    def _find(self, name_of: Callable[[Format], str]) -> tuple[Path, Format]:
        """Find a table of the release, taken out of the archive the first time."""
        form = self._format()
        path = self._unpacked / name_of(form)
        if not path.is_file() and self._archive.is_file():
            _unpack(self._archive, f"{form.folder}/{path.name}", path)
        if path.is_file():
            return path, form
        if self.name != "ml-100k":
            raise ProjectError(
                f"{self.name} is not in {self._folder}: put {self._archive.name} or its unpacked "
                "folder there (https://grouplens.org/datasets/movielens/), or use dataset=ml-100k"
            )
        return _embedded_folder() / name_of(EMBEDDED), EMBEDDED


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Take one file out of an archive; it is there whole or not at all."""
    logger.info("unpacking %s of %s", target.name, archive)
    part = target.with_name(f".{target.name}.part")
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
        if not any(target.parent.iterdir() if target.parent.is_dir() else ()):
            shutil.rmtree(target.parent, ignore_errors=True)


def _open(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    """Open a file of an archive; no more than the size that the archive states is ever read.

    Raises:
        ProjectError: It is encrypted, compressed in an unknown way, or far too large.
    """
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


@functools.cache
def _check_once(archive: Path, md5: str | None, size: int, changed: int) -> None:
    """Check an archive's sum once per process, as long as the file stays the same."""
    if md5:
        check_md5(archive, md5)


def _embedded_folder() -> Path:
    spec = find_spec("recbole")
    if spec is None or spec.origin is None:
        raise ProjectError("recbole is not installed: it carries ML-100K (make setup)")
    return Path(spec.origin).parent / "dataset_example" / "ml-100k"

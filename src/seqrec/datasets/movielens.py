"""MovieLens releases: where their tables are and how they are written.

Facts about the releases: https://grouplens.org/datasets/movielens/ (Harper & Konstan, 2015).
"""

from __future__ import annotations

import functools
import io
import logging
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pandas as pd
from kedro.io import AbstractDataset

from seqrec import columns as c
from seqrec.datasets.download import check_md5, download
from seqrec.errors import ProjectError

logger = logging.getLogger(__name__)

_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def _movies_separated(text: io.TextIOBase) -> pd.DataFrame:
    return pd.DataFrame([line.rstrip("\n").split("::") for line in text]).astype({0: "int64"})


def _movies_flags(text: io.TextIOBase) -> pd.DataFrame:
    table = pd.read_csv(text, sep="|", header=None)
    flags = table.iloc[:, 5:].to_numpy(dtype=bool)
    table["genres"] = ["|".join(g for g, on in zip(_GENRES_100K, row) if on) for row in flags]  # noqa: B905
    return table[[0, 1, "genres"]]


def _movies_csv(text: io.TextIOBase) -> pd.DataFrame:
    return _select(pd.read_csv(text), ["movieId", "title", "genres"])


def _movies_atomic(text: io.TextIOBase) -> pd.DataFrame:
    fields = ["item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"]
    table = _select(pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False), fields)
    item, title, year, genres = (table[field] for field in fields)
    return pd.DataFrame(
        {
            0: item.astype("int64"),
            1: title.where(year == "", title + " (" + year + ")"),
            2: genres.str.replace(" ", "|"),
        }
    )


def _select(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise ProjectError(
            f"column {missing[0]!r} is missing: found {', '.join(map(str, table.columns))}"
        )
    return table[wanted]


Columns = dict[str, str]
"""Name of the column that holds `user`, `item`, `rating` and `timestamp`, in the file's order."""

_PLAIN = {name: name for name in ("user", "item", "rating", "timestamp")}
_CSV = {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"}
_ATOMIC = {
    "user": "user_id:token",
    "item": "item_id:token",
    "rating": "rating:float",
    "timestamp": "timestamp:float",
}


@dataclass(frozen=True)
class _Ratings:
    """How a release keeps its ratings; without a header the columns' names are ours."""

    name: str
    separator: str
    columns: Columns
    header: bool


@dataclass(frozen=True)
class _Movies:
    """How a release keeps its movies."""

    name: str
    read: Callable[[io.TextIOBase], pd.DataFrame]
    encoding: str = "utf-8"


@dataclass(frozen=True)
class _Format:
    """A release: its folder inside the archive and its tables."""

    folder: str
    ratings: _Ratings
    movies: _Movies


def _csv_release(name: str) -> _Format:
    ratings = _Ratings("ratings.csv", ",", _CSV, header=True)
    return _Format(name, ratings, _Movies("movies.csv", _movies_csv))


_LATIN = "iso-8859-1"
_SEPARATED = _Ratings("ratings.dat", "::", _PLAIN, header=False)
_RELEASES = {
    "ml-100k": _Format(
        "ml-100k",
        _Ratings("u.data", "\t", _PLAIN, header=False),
        _Movies("u.item", _movies_flags, _LATIN),
    ),
    "ml-1m": _Format("ml-1m", _SEPARATED, _Movies("movies.dat", _movies_separated, _LATIN)),
    "ml-10m": _Format("ml-10M100K", _SEPARATED, _Movies("movies.dat", _movies_separated)),
    **{n: _csv_release(n) for n in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")},
}
_EMBEDDED = _Format(
    "ml-100k",
    _Ratings("ml-100k.inter", "\t", _ATOMIC, header=True),
    _Movies("ml-100k.item", _movies_atomic),
)
MD5 = {
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    "ml-10m": "ce571fd55effeba0271552578f2648bd",
    "ml-20m": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m": "6b51fb2759a8657d3bfcbfc42b592ada",
    "ml-32m": "d472be332d4daa821edc399621853b57",
}
"""GroupLens' checksums of the archives; ml-latest-small changes with time and has none."""

SIZES = {
    "ml-100k": (100_000, 943, 1_682),
    "ml-1m": (1_000_209, 6_040, 3_883),
    "ml-10m": (10_000_054, 69_878, 10_681),
    "ml-20m": (20_000_263, 138_493, 27_278),
    "ml-25m": (25_000_095, 162_541, 62_423),
    "ml-32m": (32_000_204, 200_948, 87_585),
    "ml-latest-small": (100_836, 610, 9_742),
}
"""Ratings, users and movies of each release."""


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
        path, form = self._find(lambda form: form.movies.name)
        try:
            with path.open(encoding=form.movies.encoding) as text:
                table = form.movies.read(text)
            if table.empty:
                raise ValueError("it is empty")
            return _named_movies(table)
        except ProjectError as error:
            raise ProjectError(f"{path}: {error.message}") from error
        except (ValueError, IndexError, KeyError) as error:
            what = str(error).strip() or type(error).__name__
            raise ProjectError(f"{path} is not a {self.name} movies file: {what}") from error

    def _format(self) -> _Format:
        if self.name not in _RELEASES:
            raise ProjectError(
                f"unknown dataset {self.name!r}: choose one of {', '.join(_RELEASES)} (`dataset` "
                "in globals.yml or --params dataset=…), or name a table of your own with "
                "source.path"
            )
        return _RELEASES[self.name]

    def _find(self, name_of: Callable[[_Format], str]) -> tuple[Path, _Format]:
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
        return _embedded_folder() / name_of(_EMBEDDED), _EMBEDDED


class MoviesDataset(AbstractDataset[None, pd.DataFrame]):
    """Titles, years and genres of a MovieLens release; none for data of your own; read-only.

    Args:
        dataset: A MovieLens release, or the name of your own data.
        filepath: Folder of MovieLens archives.
        mirror: Address below which archives lie; None: nothing is downloaded.
        source: Fields of `seqrec.parameters.Source`; one with a path is no MovieLens.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        dataset: str,
        filepath: str,
        mirror: str | None = None,
        source: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        own = bool((source or {}).get("path"))
        self._movielens = None if own else Release(dataset, Path(filepath), mirror)
        self.dataset_name, self.metadata = dataset, metadata

    def preflight(self) -> None:
        """Check that the release can be read; download it if need be."""
        if self._movielens:
            self._movielens.provide()
            self._movielens.movies()

    def load(self) -> pd.DataFrame:
        """Read the movies."""
        if self._movielens:
            return self._movielens.movies()
        return _named_movies(pd.DataFrame(columns=range(3), dtype=str))

    def save(self, data: None) -> None:
        """Refuse: a release is never written."""
        raise ProjectError(f"{self.dataset_name} is read-only")

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self.dataset_name}


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Take one file out of an archive; it is there whole or not at all."""
    logger.info("unpacking %s of %s", target.name, archive)
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as opened, opened.open(member) as packed:
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


def _copy(packed: IO[bytes], target: Path) -> None:
    with target.open("wb") as handle:
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


def _named_movies(table: pd.DataFrame) -> pd.DataFrame:
    table = table.set_axis([c.ITEM, c.TITLE, c.GENRES], axis="columns")
    # 269 ML-1M titles hold a second parenthesis: the year is in the last one.
    parts = table[c.TITLE].str.extract(r"^(?P<title>.*?)\s*(?:\((?P<year>\d{4})\))?\s*$")
    return pd.DataFrame(
        {
            c.ITEM: table[c.ITEM].astype(str),
            c.TITLE: parts["title"].astype(str),
            c.YEAR: pd.to_numeric(parts["year"]).astype("Int64"),
            c.GENRES: table[c.GENRES].fillna("").astype(str),
        }
    )

"""MovieLens releases as a Kedro dataset: ratings or movies, from a zip, a folder or RecBole.

Facts about the releases: https://grouplens.org/datasets/movielens/ (Harper & Konstan, 2015).
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from kedro.io import AbstractDataset

from seqrec import columns as c
from seqrec.datasets.download import check_md5, download
from seqrec.errors import ProjectError

Table = Literal["ratings", "movies"]

_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def _ratings_separated(text: io.TextIOBase) -> pd.DataFrame:
    """Read ``user::item::rating::time`` lines; each ``::`` is two separators to the C parser."""
    return pd.read_csv(text, sep=":", header=None, usecols=[0, 2, 4, 6], names=range(7))


def _ratings_tab(text: io.TextIOBase) -> pd.DataFrame:
    return pd.read_csv(text, sep="\t", header=None)


def _ratings_csv(text: io.TextIOBase) -> pd.DataFrame:
    return _select(pd.read_csv(text), ["userId", "movieId", "rating", "timestamp"])


def _ratings_atomic(text: io.TextIOBase) -> pd.DataFrame:
    fields = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    return _select(pd.read_csv(text, sep="\t"), fields)


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


@dataclass(frozen=True)
class _File:
    """One table's place in a release and how its text is read."""

    name: str
    read: Callable[[io.TextIOBase], pd.DataFrame]
    encoding: str = "utf-8"


@dataclass(frozen=True)
class _Release:
    """A release: its folder (inside the zip too) and its tables."""

    folder: str
    tables: dict[str, _File]


def _csv_release(name: str) -> _Release:
    ratings, movies = _File("ratings.csv", _ratings_csv), _File("movies.csv", _movies_csv)
    return _Release(name, {"ratings": ratings, "movies": movies})


_LATIN = "iso-8859-1"
_RELEASES = {
    "ml-100k": _Release(
        "ml-100k",
        {
            "ratings": _File("u.data", _ratings_tab),
            "movies": _File("u.item", _movies_flags, _LATIN),
        },
    ),
    "ml-1m": _Release(
        "ml-1m",
        {
            "ratings": _File("ratings.dat", _ratings_separated),
            "movies": _File("movies.dat", _movies_separated, _LATIN),
        },
    ),
    "ml-10m": _Release(
        "ml-10M100K",
        {
            "ratings": _File("ratings.dat", _ratings_separated),
            "movies": _File("movies.dat", _movies_separated),
        },
    ),
    **{n: _csv_release(n) for n in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")},
}
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

_EMBEDDED = _Release(
    "ml-100k",
    {
        "ratings": _File("ml-100k.inter", _ratings_atomic),
        "movies": _File("ml-100k.item", _movies_atomic),
    },
)


class MovieLensDataset(AbstractDataset[None, pd.DataFrame]):
    """One table of a MovieLens release, read-only.

    The release's archive or unpacked folder may lie in `filepath`; otherwise the archive is
    downloaded there before the run begins.

    ``ratings`` has the columns user_id, item_id, rating, timestamp in file order; ``movies`` has
    item_id, title, year (of the title's last parenthesis), genres (separated by ``|``).
    ML-100K needs no file: the `recbole` package carries it.

    Args:
        release: ``ml-100k``, ``ml-1m``, ``ml-10m``, ``ml-20m``, ``ml-25m``, ``ml-32m`` or
            ``ml-latest-small``.
        table: ``ratings`` or ``movies``.
        filepath: Folder that holds ``<release>.zip`` or the unpacked ``<release>/``.
        mirror: Address below which ``<release>.zip`` lies; None: nothing is downloaded.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        release: str,
        table: Table,
        filepath: str,
        mirror: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.dataset_name = release
        self._mirror = mirror
        self._table: Table = table
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table.

        Returns:
            The table, with the columns named above.

        Raises:
            ProjectError: The release is unknown, or its files are not there or not as expected.
        """
        with self._open() as opened:
            return self._parse(*opened)

    def save(self, data: None) -> None:
        """Refuse: a release is never written."""
        raise ProjectError(f"{self.dataset_name} is read-only")

    def preflight(self) -> None:
        """Check that the release can be read, before anything runs; download it if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        self._provide()
        with self._open() as (text, file, place):
            self._parse(io.StringIO("".join(text.readline() for _ in range(5))), file, place)

    def _provide(self) -> None:
        """Have the archive there, and whole, unless its folder or RecBole's copy stands in."""
        archive = self._folder / f"{self.dataset_name}.zip"
        unpacked = self._folder / self.dataset_name
        known = self.dataset_name in _RELEASES
        if archive.is_file() and not unpacked.is_dir():
            stat = archive.stat()
            _check_once(archive, MD5.get(self.dataset_name), stat.st_size, stat.st_mtime_ns)
        elif known and self._mirror and not (unpacked.is_dir() or self.dataset_name == "ml-100k"):
            url = f"{self._mirror.rstrip('/')}/{archive.name}"
            download(url, archive, MD5.get(self.dataset_name))

    def _parse(self, text: io.TextIOBase, file: _File, place: Path) -> pd.DataFrame:
        try:
            table = file.read(text)
            if table.empty:
                raise ValueError("it is empty")
            return _named_ratings(table) if self._table == "ratings" else _named_movies(table)
        except ProjectError as error:
            raise ProjectError(f"{place}: {error.message}") from error
        except (ValueError, IndexError, KeyError) as error:
            what = f"{place} is not a {self.dataset_name} {self._table} file"
            raise ProjectError(f"{what}: {str(error).strip() or type(error).__name__}") from error

    def _open(self) -> _OpenTable:
        if self.dataset_name not in _RELEASES:
            raise ProjectError(
                f"unknown dataset {self.dataset_name!r}: choose one of {', '.join(_RELEASES)} "
                "(`dataset` in globals.yml or --params dataset=…)"
            )
        return _OpenTable(self.dataset_name, self._table, self._folder)

    def _describe(self) -> dict[str, Any]:
        return {"release": self.dataset_name, "table": self._table, "filepath": str(self._folder)}


@functools.cache
def _check_once(archive: Path, md5: str | None, size: int, changed: int) -> None:
    """Check an archive's sum once per process, as long as the file stays the same."""
    if md5:
        check_md5(archive, md5)


class _OpenTable:
    """Context manager: a table's text, its description and its place, wherever it lies."""

    def __init__(self, release: str, table: Table, folder: Path) -> None:
        spec = _RELEASES[release]
        self._file = spec.tables[table]
        self._stack: list[Any] = []
        archive = folder / f"{release}.zip"
        unpacked = folder / release / self._file.name
        if unpacked.is_file():
            self.place, self._binary = unpacked, unpacked.open("rb")
        elif archive.is_file():
            self.place, self._binary = archive, self._member(archive, spec)
        elif release == "ml-100k":
            self._file = _EMBEDDED.tables[table]
            self.place = _embedded_folder() / self._file.name
            self._binary = self.place.open("rb")
        else:
            raise ProjectError(
                f"{release} is not in {folder}: put {archive.name} or its unpacked folder there "
                "(https://grouplens.org/datasets/movielens/), or use dataset=ml-100k"
            )

    def _member(self, archive: Path, spec: _Release) -> Any:
        try:
            opened = zipfile.ZipFile(archive)
            self._stack.append(opened)
            return opened.open(f"{spec.folder}/{self._file.name}")
        except (zipfile.BadZipFile, KeyError) as error:
            self.__exit__()
            raise ProjectError(f"{archive} is damaged ({error}): download it again") from error

    def __enter__(self) -> tuple[io.TextIOBase, _File, Path]:
        text = io.TextIOWrapper(self._binary, encoding=self._file.encoding)
        self._stack.append(text)
        return text, self._file, self.place

    def __exit__(self, *_: object) -> None:
        for opened in reversed(self._stack):
            opened.close()


def _embedded_folder() -> Path:
    spec = find_spec("recbole")
    if spec is None or spec.origin is None:
        raise ProjectError("recbole is not installed: it carries ML-100K (make setup)")
    return Path(spec.origin).parent / "dataset_example" / "ml-100k"


def _named_ratings(table: pd.DataFrame) -> pd.DataFrame:
    table = table.set_axis([c.USER, c.ITEM, c.RATING, c.TIMESTAMP], axis="columns")
    return table.astype({c.RATING: "float64", c.TIMESTAMP: "int64"})


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

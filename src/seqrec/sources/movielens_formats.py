"""How each MovieLens release writes its tables.

Facts about the releases: https://grouplens.org/datasets/movielens/ (Harper & Konstan, 2015).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from seqrec.sources import movielens_readers as readers

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
class Ratings:
    """How a release keeps its ratings; without a header the columns' names are ours."""

    name: str
    separator: str
    columns: Columns
    header: bool


@dataclass(frozen=True)
class Table:
    """How a release keeps its movies or users."""

    name: str
    read: Callable[[io.TextIOBase], pd.DataFrame]
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Format:
    """A release: its folder inside the archive and its tables."""

    folder: str
    ratings: Ratings
    movies: Table
    users: Table | None = None


def _csv_release(name: str) -> Format:
    ratings = Ratings("ratings.csv", ",", _CSV, header=True)
    return Format(name, ratings, Table("movies.csv", readers.read_movies_csv))


_LATIN = "iso-8859-1"
_SEPARATED = Ratings("ratings.dat", "::", _PLAIN, header=False)
RELEASES = {
    "ml-100k": Format(
        "ml-100k",
        Ratings("u.data", "\t", _PLAIN, header=False),
        Table("u.item", readers.read_movies_flags, _LATIN),
        Table("u.user", readers.read_users_piped),
    ),
    "ml-1m": Format(
        "ml-1m",
        _SEPARATED,
        Table("movies.dat", readers.read_movies_separated, _LATIN),
        Table("users.dat", readers.read_users_separated),
    ),
    "ml-10m": Format("ml-10M100K", _SEPARATED, Table("movies.dat", readers.read_movies_separated)),
    **{n: _csv_release(n) for n in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")},
}
EMBEDDED = Format(
    "ml-100k",
    Ratings("ml-100k.inter", "\t", _ATOMIC, header=True),
    Table("ml-100k.item", readers.read_movies_atomic),
    Table("ml-100k.user", readers.read_users_atomic),
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


class Size(NamedTuple):
    """How much there is before anything is filtered."""

    ratings: int
    users: int
    items: int


SIZES = {
    "ml-100k": Size(100_000, 943, 1_682),
    "ml-1m": Size(1_000_209, 6_040, 3_883),
    "ml-10m": Size(10_000_054, 69_878, 10_681),
    "ml-20m": Size(20_000_263, 138_493, 27_278),
    "ml-25m": Size(25_000_095, 162_541, 62_423),
    "ml-32m": Size(32_000_204, 200_948, 87_585),
    "ml-latest-small": Size(100_836, 610, 9_742),
}

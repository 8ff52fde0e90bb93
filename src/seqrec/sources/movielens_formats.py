"""How each MovieLens release writes its tables.

Facts about the releases: https://grouplens.org/datasets/movielens/ (Harper & Konstan, 2015).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from seqrec.errors import ProjectError
from seqrec.tables import columns as c

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


USER_COLUMNS = [c.USER, "age", "gender", "occupation", "zip_code"]


def _users_piped(text: io.TextIOBase) -> pd.DataFrame:
    return pd.read_csv(text, sep="|", header=None, names=USER_COLUMNS, dtype=str)


def _users_separated(text: io.TextIOBase) -> pd.DataFrame:
    rows = [line.rstrip("\n").split("::") for line in text]
    order = [c.USER, "gender", "age", "occupation", "zip_code"]
    return pd.DataFrame(rows, columns=order)[USER_COLUMNS]


def _users_atomic(text: io.TextIOBase) -> pd.DataFrame:
    table = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False)
    return _select(table, [f"{name}:token" for name in USER_COLUMNS])


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
    return Format(name, ratings, Table("movies.csv", _movies_csv))


_LATIN = "iso-8859-1"
_SEPARATED = Ratings("ratings.dat", "::", _PLAIN, header=False)
RELEASES = {
    "ml-100k": Format(
        "ml-100k",
        Ratings("u.data", "\t", _PLAIN, header=False),
        Table("u.item", _movies_flags, _LATIN),
        Table("u.user", _users_piped),
    ),
    "ml-1m": Format(
        "ml-1m",
        _SEPARATED,
        Table("movies.dat", _movies_separated, _LATIN),
        Table("users.dat", _users_separated),
    ),
    "ml-10m": Format("ml-10M100K", _SEPARATED, Table("movies.dat", _movies_separated)),
    **{n: _csv_release(n) for n in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")},
}
EMBEDDED = Format(
    "ml-100k",
    Ratings("ml-100k.inter", "\t", _ATOMIC, header=True),
    Table("ml-100k.item", _movies_atomic),
    Table("ml-100k.user", _users_atomic),
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


def name_movies(table: pd.DataFrame) -> pd.DataFrame:
    """Name the columns and take the year out of the title."""
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

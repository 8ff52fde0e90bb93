"""Read the movies and users of MovieLens releases, each as it was written."""

from __future__ import annotations

import io

import pandas as pd

from seqrec.errors import ProjectError
from seqrec.tables import columns as c

USER_COLUMNS = [c.USER, "age", "gender", "occupation", "zip_code"]
_GENRES_100K = (
    "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|"
    "Film-Noir|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western"
)
"""The flags of ``u.item``, in order."""


def read_movies_separated(text: io.TextIOBase) -> pd.DataFrame:
    """Read ``1::Toy Story (1995)::Animation|Comedy``."""
    return pd.DataFrame([line.rstrip("\n").split("::") for line in text]).astype({0: "int64"})


def read_movies_flags(text: io.TextIOBase) -> pd.DataFrame:
    """Read ML-100K's ``1|Toy Story (1995)|…|0|1|…``, a flag per genre."""
    table = pd.read_csv(text, sep="|", header=None)
    flags = table.iloc[:, 5:].to_numpy(dtype=bool)
    names = _GENRES_100K.split("|")
    table["genres"] = [
        "|".join(name for name, on in zip(names, row, strict=True) if on) for row in flags
    ]
    return table[[0, 1, "genres"]]


def read_movies_csv(text: io.TextIOBase) -> pd.DataFrame:
    """Read ``movieId,title,genres``."""
    return _select(pd.read_csv(text), ["movieId", "title", "genres"])


def read_movies_atomic(text: io.TextIOBase) -> pd.DataFrame:
    """Read the ``.item`` file of RecBole's copy of ML-100K."""
    fields = ["item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"]
    table = _select(pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False), fields)
    table = table.set_axis(["item", "title", "year", "genres"], axis="columns")
    dated = table["title"] + " (" + table["year"] + ")"
    return pd.DataFrame(
        {
            0: table["item"].astype("int64"),
            1: table["title"].where(table["year"] == "", dated),
            2: table["genres"].str.replace(" ", "|"),
        }
    )


def read_users_piped(text: io.TextIOBase) -> pd.DataFrame:
    """Read ML-100K's ``1|24|M|technician|85711``."""
    return pd.read_csv(text, sep="|", header=None, names=USER_COLUMNS, dtype=str)


def read_users_separated(text: io.TextIOBase) -> pd.DataFrame:
    """Read ML-1M's ``1::F::1::10::48067``."""
    rows = [line.rstrip("\n").split("::") for line in text]
    order = [c.USER, "gender", "age", "occupation", "zip_code"]
    return pd.DataFrame(rows, columns=order)[USER_COLUMNS]


def read_users_atomic(text: io.TextIOBase) -> pd.DataFrame:
    """Read the ``.user`` file of RecBole's copy of ML-100K."""
    table = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False)
    return _select(table, [f"{name}:token" for name in USER_COLUMNS])


def _select(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise ProjectError(
            f"column {missing[0]!r} is missing: found {', '.join(map(str, table.columns))}"
        )
    return table[wanted]


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

"""Where interactions come from, and how they are filtered, ordered and split."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from seqrec.parameters.base import Count, Frozen, Seed


def _is_date(value: object) -> object:
    """Refuse a text that is no ISO date before anything runs."""
    if isinstance(value, str):
        datetime.fromisoformat(value)
    return value


def as_seconds(date: str) -> int:
    """Return an ISO date in seconds since 1970; UTC if it says nothing.

    Examples:
        >>> as_seconds("1970-01-02"), as_seconds("1970-01-01T02:00+02:00")
        (86400, 0)
    """
    moment = datetime.fromisoformat(date)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


Moment = Annotated[Annotated[float, Field(gt=0, lt=1)] | str, BeforeValidator(_is_date)]
"""A quantile in (0, 1), or a date such as 2018-06-30."""


class DataProcessing(Frozen):
    """From raw ratings to interactions."""

    min_rating: float | None = Field(None, description="Keep ratings at or above it; null: all.")
    user_core: Count = Field(5, ge=3, description="Fewest interactions of a user.")
    item_core: Count = Field(5, description="Fewest interactions of an item.")
    tie_policy: Literal["hash", "file", "group"] = Field(
        "hash",
        description="Order of interactions in the same second: seeded hash or file order. group: "
        "hash as well, and any interaction in the second of the held-out one is a right answer.",
    )
    seed: Seed = Field(2026, description="Seed of the hash that orders tied interactions.")
    split: Literal["leave_one_out", "temporal", "all"] = Field(
        "leave_one_out",
        description="What is held out: each user's last two, or what follows a cut in time for "
        "everybody. all: nothing; every event is learned, to use a model and not to measure it.",
    )
    valid_from: Moment = Field(0.8, description="Temporal: quantile of all times, or a date.")
    test_from: Moment = Field(0.9, description="Temporal: the same for test.")


_NAMED = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "colon": ":",
    "pipe": "|",
    "space": " ",
}


def _spell(value: Any) -> Any:
    """Take a separator's name, or what YAML, as which ``--params`` is read, makes of it."""
    if value == "":  # a lone |
        return "|"
    if value == {":": None}:  # ::
        return "::"
    if value is None:
        raise ValueError("nothing is given; a space is called space, a tabulator tab")
    return _NAMED.get(value, value) if isinstance(value, str) else value


def _separates(value: str) -> str:
    if any(letter in '"\\\r\n' for letter in value):
        raise ValueError(f"{value!r} cannot separate columns")
    return value


Separator = Annotated[
    str,
    BeforeValidator(_spell),
    AfterValidator(_separates),
    Field(min_length=1, max_length=2),
]


class Items(Frozen):
    """A table of items: what reports and recommendations call them."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    path: str = Field(description="CSV (also .gz) or Parquet, a file.")
    item: str | None = Field(None, description="Column of item ids; null: called as in the log.")
    title: str = Field("title", description="Column of titles.")
    year: str = Field("year", description="Column of years; need not be there.")
    genres: str = Field("genres", description="Column of genres, `a|b`; need not be there.")
    separator: Separator | None = Field(None, description="Of a text file; null: as in the log.")


def _as_items(value: Any) -> Any:
    """Take a path for a table whose columns have the usual names."""
    return {"path": value} if isinstance(value, str) else value


class Source(Frozen):
    """A table of your own: ``source`` in globals.yml, or ``--params source.path=…``.

    `dataset` is then the name under which everything is kept.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    path: str | None = Field(
        None, description="CSV (also .gz, .tsv) or Parquet, a file; null: MovieLens."
    )
    user: str = Field("user_id", description="Column of user ids, of any type.")
    item: str = Field("item_id", description="Column of item ids, of any type.")
    timestamp: str = Field("timestamp", description="Column of times.")
    rating: str | None = Field(None, description="Column of ratings; null: there are none.")
    time_unit: Literal["auto", "s", "ms", "iso"] = Field(
        "auto",
        description="Seconds or milliseconds since 1970, or ISO 8601 (UTC if it says nothing); "
        "auto: as the first rows are.",
    )
    separator: Separator = Field(
        ",", description="Of a text file: one or two characters, or a name such as tab or pipe."
    )
    on_bad_rows: Literal["error", "reject"] = Field(
        "error", description="Stop at rows that cannot be read, or set them aside in a file."
    )
    items: Annotated[Items | None, BeforeValidator(_as_items)] = Field(
        None, description="A table of titles: a path, or a block with its columns."
    )

    @model_validator(mode="after")
    def _columns_differ(self) -> Source:
        names = [self.user, self.item, self.timestamp, self.rating]
        twice = [name for name in names if name and names.count(name) > 1]
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice")
        return self

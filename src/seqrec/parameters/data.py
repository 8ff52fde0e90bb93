"""Where interactions come from, and how they are filtered, ordered and split."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from seqrec.parameters.base import Count, Frozen, Seed


def _is_date(value: object) -> object:
    """Refuse a text that is no ISO date before anything runs."""
    if isinstance(value, str):
        datetime.fromisoformat(value)
    return value


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
    split: Literal["leave_one_out", "temporal"] = Field(
        "leave_one_out", description="Each user's last two, or a cut in time for everybody."
    )
    valid_from: Moment = Field(0.8, description="Temporal: quantile of all times, or a date.")
    test_from: Moment = Field(0.9, description="Temporal: the same for test.")


class Source(Frozen):
    """A table of your own: ``source`` in globals.yml, or ``--params source.path=…``.

    `dataset` is then the name under which everything is kept.
    """

    path: str | None = Field(
        None, description="CSV (also .gz, .tsv) or Parquet, a file; null: MovieLens."
    )
    user: str = Field("user_id", description="Column of user ids, of any type.")
    item: str = Field("item_id", description="Column of item ids, of any type.")
    timestamp: str = Field("timestamp", description="Column of times.")
    rating: str | None = Field(None, description="Column of ratings; null: there are none.")
    time_unit: Literal["s", "ms", "iso"] = Field(
        "s",
        description="Seconds or milliseconds since 1970, or ISO 8601 (UTC if it says nothing).",
    )
    separator: str = Field(",", min_length=1, max_length=2, description="Of a text file.")
    on_bad_rows: Literal["error", "reject"] = Field(
        "error", description="Stop at rows that cannot be read, or set them aside in a file."
    )

    @model_validator(mode="after")
    def _columns_differ(self) -> Source:
        names = [self.user, self.item, self.timestamp, self.rating]
        twice = [name for name in names if name and names.count(name) > 1]
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice")
        return self

"""Where interactions come from if not from MovieLens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from seqrec.parameters.base import Frozen


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

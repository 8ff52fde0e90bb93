"""Data, evaluation, lists, and whom to tell."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from seqrec.parameters.base import Frozen, Mask, QueryTime


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
    user_core: PositiveInt = Field(5, ge=3, description="Fewest interactions of a user.")
    item_core: PositiveInt = Field(5, description="Fewest interactions of an item.")
    tie_policy: Literal["hash", "file", "group"] = Field(
        "hash",
        description="Order of interactions in the same second: seeded hash or file order. group: "
        "likewise hash, and of a second that is held out any interaction is a right answer.",
    )
    seed: int = Field(2026, description="Seed of the hash that orders tied interactions.")
    split: Literal["leave_one_out", "temporal"] = Field(
        "leave_one_out", description="Each user's last two, or a cut in time for everybody."
    )
    valid_from: Moment = Field(0.8, description="Temporal: quantile of all times, or a date.")
    test_from: Moment = Field(0.9, description="Temporal: likewise, for test.")


class Evaluation(Frozen):
    """Metrics and their uncertainty."""

    cutoffs: tuple[PositiveInt, ...] = (1, 5, 10, 20)
    bootstrap_samples: PositiveInt = 2000
    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    headline_mask: Mask = "masked"
    headline_query_time: QueryTime = "known"
    reference: str = Field("ss4rec", description="The model the others are subtracted from.")
    seed: int = 2026


class Baselines(Frozen):
    """Baselines that are not trained."""

    recent_days: PositiveFloat = Field(7.0, description="Days that count as recent.")
    neighbours: PositiveInt = Field(100, description="item-kNN: nearest items that count.")
    shrinkage: float = Field(10.0, ge=0.0, description="item-kNN: damps rare items' cosine.")


class Recommend(Frozen):
    """Lists for users, from a saved model."""

    k: PositiveInt = Field(10, description="Items in a list.")
    users: tuple[str, ...] | None = Field(None, description="User ids; null: all.")
    moments: dict[str, PositiveFloat] = Field(
        description="When is asked: hours after the user's last interaction, by name."
    )


class Tracking(Frozen):
    """What Weights & Biases is told; its key comes from the environment (WANDB_API_KEY)."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: online if there is a key, else offline; WANDB_MODE overrides."
    )
    project: str = Field("seqrec", min_length=1)
    entity: str | None = Field(None, description="Team or user; null: the key's own.")


class Notifications(Frozen):
    """What Discord is told, if DISCORD_WEBHOOK_URL is in the environment."""

    enabled: bool = True
    best_minutes: PositiveFloat = Field(
        10.0, description="Fewest minutes between messages about a new best."
    )

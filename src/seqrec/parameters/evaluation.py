"""Metrics, baselines that are not trained, and lists for users."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from seqrec.parameters.base import Frozen, Mask, QueryTime


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
        description="When a list is asked for: hours after the user's last interaction, by name."
    )

"""Metrics, baselines that are not trained, ensembles, and lists for users."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from seqrec.parameters.base import Amount, Count, Frozen, Mask, QueryTime, Seed


class Evaluation(Frozen):
    """Metrics and their uncertainty."""

    cutoffs: tuple[Count, ...] = Field((1, 5, 10, 20), max_length=50)
    bootstrap_samples: Count = 2000
    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    headline_mask: Mask = "masked"
    headline_query_time: QueryTime = "known"
    reference: str = Field("ss4rec", description="The model the others are subtracted from.")
    seed: Seed = 2026

    @field_validator("cutoffs")
    @classmethod
    def _usable(cls, cutoffs: tuple[int, ...]) -> tuple[int, ...]:
        """Slices, the leaderboard and validation are at 10; tables go from small to large."""
        if 10 not in cutoffs:
            raise ValueError("10 must be among them: slices and the leaderboard show NDCG@10")
        if list(cutoffs) != sorted(set(cutoffs)):
            raise ValueError("they must rise, each of them once")
        return cutoffs


class Baselines(Frozen):
    """Baselines that are not trained."""

    recent_days: Amount = Field(7.0, description="Days that count as recent.")
    neighbours: Count = Field(100, description="item-kNN: nearest items that count.")
    shrinkage: float = Field(
        10.0, ge=0.0, le=1e6, description="item-kNN: damps rare items' cosine."
    )


class Ensemble(Frozen):
    """What an ensemble averages."""

    members: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Trainings: model (which one counts is said by runs), model@version, "
        "model@latest, model@best, model@seeds (one of each seed of the present configuration), "
        "model@all (one of each configuration and seed); a list, or joined by +; null: every "
        "model that `kedro run` compares.",
    )

    @field_validator("members", mode="before")
    @classmethod
    def _split(cls, members: object) -> object:
        """Take ``ncf+ss4rec@seeds`` for a list: ``--params`` cannot hold one."""
        return members.split("+") if isinstance(members, str) else members

    @field_validator("members")
    @classmethod
    def _spelled(cls, members: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Refuse what names no training, and names that are there twice."""
        for member in members or ():
            if not re.fullmatch(r"\w+(@[\w.:-]+)?", member):
                raise ValueError(
                    f"{member!r} names no training: write model, model@version, model@latest, "
                    "model@best, model@seeds or model@all, joined by +"
                )
        twice = [member for member in members or () if (members or ()).count(member) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is there twice: leave one out")
        return members


class Recommend(Frozen):
    """Lists for users, from a saved model."""

    k: Count = Field(10, description="Items in a list.")
    users: tuple[str, ...] | None = Field(None, min_length=1, description="User ids; null: all.")
    moments: dict[str, Amount] = Field(
        min_length=1,
        description="When a list is asked for: hours after the user's last interaction, by name.",
    )

"""Services outside the project that a run reports to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seqrec.parameters.base import Amount, Frozen


class Tracking(Frozen):
    """What Weights & Biases receives; its key comes from the environment (WANDB_API_KEY)."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: online if there is a key, else offline; WANDB_MODE overrides."
    )
    project: str = Field("seqrec", min_length=1)
    entity: str | None = Field(None, description="Team or user; null: the key's own.")


class Notifications(Frozen):
    """What Discord receives, if DISCORD_WEBHOOK_URL is in the environment."""

    enabled: bool = True
    best_minutes: Amount = Field(
        10.0, description="Fewest minutes between messages about a new best."
    )

"""The services outside, W&B, Discord and RunPod: their secrets, and what they may be told."""

from __future__ import annotations

import os
from typing import Literal, cast

from seqrec.parameters import Tracking

WEBHOOK = "DISCORD_WEBHOOK_URL"
SECRETS = ("WANDB_API_KEY", WEBHOOK, "RUNPOD_API_KEY")
"""Environment variables whose values appear nowhere."""

Mode = Literal["online", "offline", "disabled"]


def redact(text: str) -> str:
    """Take the secrets' values out of a text."""
    for name in SECRETS:
        if secret := os.environ.get(name):
            text = text.replace(secret, f"<{name}>")
    return text


def one_line(error: BaseException) -> str:
    """Say what an error is, without its traceback and without secrets."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return redact(lines[0])[:500]


def resolve_mode(tracking: Tracking) -> Mode:
    """Turn W&B's mode ``auto`` into what the environment allows; WANDB_MODE overrides."""
    mode = os.environ.get("WANDB_MODE") or tracking.mode
    if mode == "auto":
        return "online" if os.environ.get("WANDB_API_KEY") else "offline"
    return cast(Mode, mode)

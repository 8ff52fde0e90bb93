"""The services outside, W&B, Discord and RunPod: their secrets, and what they may be told."""

from __future__ import annotations

import os
import re
from typing import Any, Literal, cast

from seqrec.parameters import Tracking

WEBHOOK = "DISCORD_WEBHOOK_URL"
SECRETS = ("WANDB_API_KEY", WEBHOOK, "RUNPOD_API_KEY")
"""Environment variables whose values appear nowhere."""

Mode = Literal["online", "offline", "disabled"]


CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
"""What stands between an address's scheme and its host: a name, a password or a token."""


def redact(text: str) -> str:
    """Take the secrets' values and the credentials of addresses out of a text.

    >>> redact("http://user:secret@mirror/ml-1m.zip is not there")
    'http://<credentials>@mirror/ml-1m.zip is not there'
    """
    for name in SECRETS:
        if secret := os.environ.get(name):
            text = text.replace(secret, f"<{name}>")
    return CREDENTIALS.sub("<credentials>", text)


def redact_all(value: Any) -> Any:
    """Redact every text of nested dicts and lists.

    >>> redact_all({"mirror": "http://user:secret@mirror", "epochs": [3]})
    {'mirror': 'http://<credentials>@mirror', 'epochs': [3]}
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_all(inner) for key, inner in value.items()}
    return [redact_all(inner) for inner in value] if isinstance(value, list) else value


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

"""The services outside: each is reachable, or declared off."""

from __future__ import annotations

import os

import requests

from seqrec.checks.check import Check
from seqrec.parameters import Notifications, Tracking
from seqrec.services import WEBHOOK, resolve_mode

SECONDS = 8


def check_wandb(tracking: Tracking) -> Check:
    """Ask W&B's server for a sign of life if this run is to be tracked online."""
    mode = resolve_mode(tracking)
    if mode != "online":
        why = "; `wandb sync` sends it later" if mode == "offline" else ""
        return Check("W&B", True, f"{mode}{why}")
    remedy = "; give --no-wandb, or WANDB_MODE=offline and `wandb sync` later"
    url = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").rstrip("/")
    try:
        answer = requests.get(f"{url}/healthz", timeout=SECONDS)
    except requests.RequestException as error:
        return Check("W&B", False, f"not reachable ({type(error).__name__}){remedy}")
    detail = "online, reachable" if answer.ok else f"HTTP {answer.status_code}{remedy}"
    return Check("W&B", answer.ok, detail)


def check_discord(notifications: Notifications) -> Check:
    """Ask Discord whether the webhook is there; nothing is posted."""
    url = os.environ.get(WEBHOOK)
    if not notifications.enabled or not url:
        return Check("Discord", True, f"off (no {WEBHOOK})" if not url else "off")
    remedy = f"; mend or unset {WEBHOOK}"
    try:
        answer = requests.get(url, timeout=SECONDS, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        return Check("Discord", False, f"not reachable ({type(error).__name__}){remedy}")
    passed = answer.status_code < 300
    detail = "webhook answers" if passed else f"HTTP {answer.status_code}{remedy}"
    return Check("Discord", passed, detail)

"""What several hooks ask of a run."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any, ParamSpec

from kedro.io import DataCatalog

from seqrec.errors import RunInterruptedError
from seqrec.tables import columns as c
from seqrec.tables.protocols import at_headline

logger = logging.getLogger(__name__)
P = ParamSpec("P")

CALLBACKS = "callbacks"
"""The catalog's entry that trainings call after each validation."""

SECRETS = ("WANDB_API_KEY", "DISCORD_WEBHOOK_URL", "RUNPOD_API_KEY")
"""Environment variables whose values appear nowhere."""


def first_process() -> bool:
    """Tell whether this process is the one of a run that writes and speaks."""
    return os.environ.get("RANK", "0") == "0"


def dataset_name(catalog: DataCatalog) -> str:
    """Name the interactions that a run is about, e.g. ``ml-1m``."""
    return str(getattr(catalog["ratings_raw"], "dataset_name", "unknown"))


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


def headline(comparison: Any, parameters: Any) -> Any:
    """Pick the rows of the comparison at the headline protocol, a column per metric."""
    chosen = at_headline(comparison, parameters.evaluation)
    return chosen.pivot(index=c.MODEL, columns="metric", values="mean").round(4)


def harmless(told: Callable[P, None]) -> Callable[P, None]:
    """Let a hook that only tells others fail without failing the run."""

    @functools.wraps(told)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            told(*args, **kwargs)
        except RunInterruptedError:
            raise  # a signal came while others were told: it is meant for the run
        except Exception as error:
            logger.warning("%s failed (%s): the run goes on", told.__qualname__, one_line(error))

    return guarded

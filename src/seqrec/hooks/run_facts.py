"""Facts about a run that several hooks need."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any, ParamSpec

from kedro.io import DataCatalog

from seqrec.errors import RunInterruptedError
from seqrec.services import one_line
from seqrec.tables import columns as c
from seqrec.tables.protocols import at_headline

logger = logging.getLogger(__name__)
P = ParamSpec("P")

CALLBACKS = "callbacks"
"""The catalog's entry that trainings call after each validation."""


def first_process() -> bool:
    """Return whether this process is the one of a run that writes and logs."""
    return os.environ.get("RANK", "0") == "0"


def dataset_name(catalog: DataCatalog) -> str:
    """Name the interactions that a run is about, e.g. ``ml-1m``."""
    return str(getattr(catalog["ratings_raw"], "dataset_name", "unknown"))


def headline(comparison: Any, parameters: Any) -> Any:
    """Pick the rows of the comparison at the headline protocol, a column per metric."""
    chosen = at_headline(comparison, parameters.evaluation)
    return chosen.pivot(index=c.MODEL, columns="metric", values="mean").round(4)


def harmless(told: Callable[P, None]) -> Callable[P, None]:
    """Let a hook that only notifies others fail without failing the run."""

    @functools.wraps(told)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            told(*args, **kwargs)
        except RunInterruptedError:
            raise  # a signal during a notification: it is meant for the run
        except Exception as error:
            logger.warning("%s failed (%s): the run goes on", told.__qualname__, one_line(error))

    return guarded

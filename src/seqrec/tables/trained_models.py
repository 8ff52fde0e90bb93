"""A training that was ranked, as a leaderboard reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class TrainedModel:
    """A training and its ranks.

    Attributes:
        name: The model.
        version: Kedro's version, the id of the run.
        config: What it was trained with; empty for what is not trained.
        training_log: A row per epoch; None for what is not trained.
        target_ranks: A row per user and protocol.
    """

    name: str
    version: str
    config: dict[str, Any]
    training_log: pd.DataFrame | None
    target_ranks: pd.DataFrame

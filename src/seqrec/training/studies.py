"""Where the trials of a search are kept between runs."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.study import Study

HEARTBEAT_SECONDS = 60
WARM_UP_EPOCHS = 5
"""Epochs that every trial may have before it is compared with the others."""


@dataclass(frozen=True)
class StudyStore:
    """An SQLite file of Optuna's: several searches may lie in it, several processes add to it."""

    path: Path

    def open(self, name: str, identity: dict[str, Any]) -> Study:
        """Open the search that has the same fixed parameters, space and data, or begin it.

        Args:
            name: The model.
            identity: What makes trials comparable; another identity is another search.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
        # A killed process leaves a trial running: without a heartbeat it is given up.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{self.path}", heartbeat_interval=HEARTBEAT_SECONDS
            )
        return optuna.create_study(
            storage=storage,
            study_name=f"{name}-{digest}",
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=WARM_UP_EPOCHS),
        )

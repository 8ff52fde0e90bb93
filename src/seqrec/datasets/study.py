"""Where the trials of a search are kept between runs."""

import hashlib
import json
import sqlite3
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

if TYPE_CHECKING:
    from optuna.study import Study

HEARTBEAT_SECONDS = 60
WARM_UP_EPOCHS = 5
"""Epochs that every trial may have before it is compared with the others."""


@dataclass(frozen=True)
class StudyStore:
    """An SQLite file of Optuna's: several searches may lie in it, several processes add to it."""

    path: Path

    def open(self, name: str, identity: dict[str, Any]) -> "Study":
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


class StudyDataset(AbstractDataset[NoReturn, StudyStore]):
    """The file of a model's searches; loading it gives the `StudyStore`.

    Args:
        filepath: The SQLite file; it need not exist.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> StudyStore:
        """Return the store; nothing is read yet."""
        return StudyStore(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: only a search adds trials."""
        raise NotImplementedError("trials are written by the search itself")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the searches in the file."""
        if not self._filepath.is_file():
            return JSONPreview(json.dumps({"studies": []}))
        with sqlite3.connect(self._filepath) as connection:
            rows = connection.execute("select study_name from studies").fetchall()
        return JSONPreview(json.dumps({"studies": [name for (name,) in rows]}))

    def _exists(self) -> bool:
        return True  # a search that has not begun is a search

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

"""Every training that was ranked, of every model: what a leaderboard is made from."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.tables.trained_models import TrainedModel

logger = logging.getLogger(__name__)


class TrainedModelsDataset(ReadOnlyDataset[list[TrainedModel]]):
    """All versions of ``{model}.target_ranks`` with their weights' configuration and training log.

    Args:
        outputs: The folder of ``<model>/target_ranks.parquet/<version>/…``.
        models: The folder of ``<model>/weights/<version>/…``.
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "trainings write their own files"

    def __init__(
        self, *, outputs: str, models: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._outputs = Path(outputs)
        self._models = Path(models)
        self.metadata = metadata

    def load(self) -> list[TrainedModel]:
        """Read every training; an unversioned or half-removed one is named and left out."""
        return list(self._each())

    def _each(self) -> Iterator[TrainedModel]:
        for path in self._paths():
            version = path.parent.name
            name = path.relative_to(self._outputs).parts[0]
            weights = self._models / name / "weights" / version / "weights" / "config.json"
            history = self._models / name / "history.csv" / version / "history.csv"
            try:
                config = json.loads(weights.read_text(encoding="utf-8")) if self._is(name) else {}
                table = pd.read_csv(history) if self._is(name) else None
            except OSError:
                logger.warning("%s of %s has no weights or history: left out", name, version)
                continue
            yield TrainedModel(name, version, config, table, pd.read_parquet(path))

    def _is(self, name: str) -> bool:
        """Tell whether a model is one that is trained."""
        return (self._models / name / "weights").is_dir()

    def _paths(self) -> list[Path]:
        return sorted(self._outputs.glob("*/target_ranks.parquet/*/target_ranks.parquet"))

    def _exists(self) -> bool:
        return bool(self._paths())

    def _describe(self) -> dict[str, Any]:
        return {"outputs": str(self._outputs), "models": str(self._models)}

"""Every training that was ranked, of every model: what a leaderboard is made from."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.io import Version

from seqrec.datasets.artefact import ArtefactDataset
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.tables.trained_models import TrainedModel

logger = logging.getLogger(__name__)

_RANKS, _WEIGHTS, _LOG = "target_ranks.parquet", "weights", "history.csv"
_CSV = {"type": "pandas.CSVDataset"}
_PARQUET = {"type": "pandas.ParquetDataset"}


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

    @plainly
    def load(self) -> list[TrainedModel]:
        """Read every training; one whose weights or history were removed is named and left out.

        Raises:
            ProjectError: A file is not what was written.
        """
        return list(self._each())

    def _each(self) -> Iterator[TrainedModel]:
        for name, version in self._ranked():
            trained = (self._models / name / _WEIGHTS).is_dir()
            if trained and not self._has_both(name, version):
                logger.warning("%s of %s has no weights or history: left out", name, version)
                continue
            config = self._weights(name, version).facts() if trained else {}
            log = self._log(name, version).load() if trained else None
            yield TrainedModel(name, version, config, log, self._ranks(name, version).load())

    def _ranked(self) -> list[tuple[str, str]]:
        names = sorted(path.parent.name for path in self._outputs.glob(f"*/{_RANKS}"))
        return [(name, known.version) for name in names for known in self._ranks(name).versions()]

    def _has_both(self, name: str, version: str) -> bool:
        folders = (self._models / name / kind / version for kind in (_WEIGHTS, _LOG))
        return all(folder.is_dir() for folder in folders)

    def _ranks(self, name: str, version: str | None = None) -> ArtefactDataset:
        path = self._outputs / name / _RANKS
        dataset = ArtefactDataset(
            filepath=str(path), dataset=_PARQUET, version=Version(version, None)
        )
        dataset.name = f"{name}.target_ranks"
        return dataset

    def _log(self, name: str, version: str) -> ArtefactDataset:
        path = self._models / name / _LOG
        dataset = ArtefactDataset(filepath=str(path), dataset=_CSV, version=Version(version, None))
        dataset.name = f"{name}.history"
        return dataset

    def _weights(self, name: str, version: str) -> ModelArtifactDataset:
        path = self._models / name / _WEIGHTS
        dataset = ModelArtifactDataset(filepath=str(path), version=Version(version, None))
        dataset.name = f"{name}.weights"
        return dataset

    def _exists(self) -> bool:
        return bool(self._ranked())

    def _describe(self) -> dict[str, Any]:
        return {"outputs": str(self._outputs), "models": str(self._models)}

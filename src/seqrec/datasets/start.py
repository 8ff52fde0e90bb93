"""What a training begins with, where a hook has chosen it: earlier weights, a number of epochs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.io import Version

from seqrec.datasets.artefact import ArtefactDataset
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.starts import StartPlan

if TYPE_CHECKING:
    from seqrec.training.start import Start

_WEIGHTS, _LOG = "weights", "history.csv"
_CSV = {"type": "pandas.CSVDataset"}


class StartDataset(ReadOnlyDataset["Start"]):
    """A `Start`, from the versions of a model that are kept.

    Args:
        model: The model's name.
        filepath: The model's folder, with ``weights/<version>/…`` and ``history.csv/<version>/…``.
        metadata: Passed through for Kedro plugins.

    Attributes:
        plan: What was chosen; a hook sets it before a run.
    """

    filled_by = "trainings write their own files"

    def __init__(
        self, *, model: str, filepath: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._model = model
        self._folder = Path(filepath)
        self.metadata = metadata
        self.plan = StartPlan()

    def weights(self, version: str | None = None) -> ModelArtifactDataset:
        """Return the model's weights; the newest without a version."""
        path = self._folder / _WEIGHTS
        dataset = ModelArtifactDataset(filepath=str(path), version=Version(version, None))
        dataset.name = f"{self._model}.weights"
        return dataset

    @plainly
    def training_log(self, version: str) -> pd.DataFrame:
        """Read the log of a training.

        Raises:
            ProjectError: It is not there, or is not what was written.
        """
        path = self._folder / _LOG
        dataset = ArtefactDataset(filepath=str(path), dataset=_CSV, version=Version(version, None))
        dataset.name = f"{self._model}.training_log"
        table: pd.DataFrame = dataset.load()
        return table

    @plainly
    def load(self) -> "Start":
        """Read the weights that the training goes on from, if it does.

        Raises:
            ProjectError: They are not what was written.
        """
        from seqrec.models.artifact import KeptTraining
        from seqrec.training.start import ForUse, Start

        before = self.plan.warm_start
        kept = KeptTraining(before, self.weights(before).load()) if before else None
        return Start(ForUse(**self.plan.for_use) if self.plan.for_use else None, kept)

    def _exists(self) -> bool:
        return True  # most trainings begin anew

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "plan": self.plan}

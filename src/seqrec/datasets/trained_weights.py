"""Weights of several trainings, of whichever models: what an ensemble is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import Version

from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.errors import ProjectError

if TYPE_CHECKING:
    from seqrec.models.artifact import KeptTraining

_WEIGHTS = "weights"


class TrainedWeightsDataset(ReadOnlyDataset[list["KeptTraining"]]):
    """Chosen versions of ``{model}.weights``.

    Args:
        models: The folder of ``<model>/weights/<version>/…``.
        metadata: Passed through for Kedro plugins.

    Attributes:
        chosen: Models and versions to load; a hook sets it before a run.
    """

    filled_by = "trainings write their own weights"

    def __init__(self, *, models: str, metadata: dict[str, Any] | None = None) -> None:
        self._models = Path(models)
        self.metadata = metadata
        self.chosen: Sequence[tuple[str, str]] = ()

    def of(self, model: str, version: str | None = None) -> ModelArtifactDataset:
        """Return the weights of a model.

        Args:
            model: Its name.
            version: The version to load; None for the newest.
        """
        path = self._models / model / _WEIGHTS
        dataset = ModelArtifactDataset(filepath=str(path), version=Version(version, None))
        dataset.name = f"{model}.weights"
        return dataset

    @plainly
    def load(self) -> list["KeptTraining"]:
        """Read the chosen trainings.

        Raises:
            ProjectError: None was chosen, or a file is not what was written.
        """
        from seqrec.models.artifact import KeptTraining

        if not self.chosen:
            raise ProjectError("no training is chosen: `kedro run --pipelines ensemble` does it")
        return [
            KeptTraining(version, self.of(name, version).load()) for name, version in self.chosen
        ]

    def _exists(self) -> bool:
        return True  # which trainings are there is said by whoever chooses among them

    def _describe(self) -> dict[str, Any]:
        return {"models": str(self._models), "chosen": list(self.chosen)}

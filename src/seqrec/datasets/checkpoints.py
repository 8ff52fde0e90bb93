"""Where a model's training keeps its checkpoints, as an entry of the catalog."""

import json
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from seqrec.training.checkpoints import CheckpointStore


class CheckpointsDataset(AbstractDataset[NoReturn, CheckpointStore]):
    """Where a model's training keeps its checkpoints; loading it gives the `CheckpointStore`.

    Args:
        filepath: The folder; it need not exist.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> CheckpointStore:
        """Return the store; nothing is read yet."""
        return CheckpointStore(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: only a training writes checkpoints."""
        raise NotImplementedError("checkpoints are written by the training itself")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show which checkpoints there are."""
        return JSONPreview(json.dumps({"checkpoints": self.load().names()}))

    def _exists(self) -> bool:
        return True  # an empty store is a store

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

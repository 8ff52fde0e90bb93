"""Where a model's training keeps its checkpoints, as an entry of the catalog."""

import json

from kedro_datasets._typing import JSONPreview

from seqrec.datasets.read_only import PlaceDataset
from seqrec.training.checkpoints import CheckpointStore


class CheckpointsDataset(PlaceDataset[CheckpointStore]):
    """A folder of checkpoints; loading it gives the `CheckpointStore`."""

    filled_by = "a training writes its checkpoints itself"

    def load(self) -> CheckpointStore:
        """Return the store; nothing is read yet."""
        return CheckpointStore(self._filepath)

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show which checkpoints there are."""
        return JSONPreview(json.dumps({"checkpoints": self.load().names()}))

"""A dataset that need not be there."""

from typing import Any

from kedro.io import AbstractDataset

from seqrec.datasets.read_only import ReadOnlyDataset


class OptionalDataset(ReadOnlyDataset[Any]):
    """Another dataset if it exists; None if it does not.

    Args:
        dataset: The other's entry in the catalog.
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "the dataset that it stands for is saved under its own name"

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        self._dataset = AbstractDataset.from_config("optional", dataset)
        self.metadata = metadata

    def load(self) -> Any:
        """Load the other dataset, or return None."""
        return self._dataset.load() if self._dataset.exists() else None

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"dataset": str(self._dataset)}

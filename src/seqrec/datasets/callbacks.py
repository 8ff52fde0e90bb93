"""The callbacks of a run's trainings, as an entry of the catalog that hooks and nodes share."""

from typing import Any

from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.training.callbacks import Callbacks


class CallbacksDataset(ReadOnlyDataset[Callbacks]):
    """One `Callbacks` for each catalog: hooks add to it, trainings call it.

    Args:
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "hooks add callbacks; no node makes them"
    _SINGLE_PROCESS = True

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata
        self._callbacks = Callbacks()

    def load(self) -> Callbacks:
        """Return the run's callbacks, the same object each time."""
        return self._callbacks

    def _exists(self) -> bool:
        return True  # an empty set of callbacks is valid

    def _describe(self) -> dict[str, Any]:
        return {}

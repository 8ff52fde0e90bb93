"""The callbacks of a run's trainings, as an entry of the catalog that hooks and nodes share."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset

from seqrec.training.callbacks import Callbacks


class CallbacksDataset(AbstractDataset[NoReturn, Callbacks]):
    """One `Callbacks` for each catalog: hooks add to it, trainings call it.

    Args:
        metadata: Passed through for Kedro plugins.
    """

    _SINGLE_PROCESS = True

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata
        self._callbacks = Callbacks()

    def load(self) -> Callbacks:
        """Return the run's callbacks, the same object each time."""
        return self._callbacks

    def save(self, data: NoReturn) -> None:
        """Refuse: callbacks are added, not replaced."""
        raise NotImplementedError("hooks add callbacks; no node makes them")

    def _exists(self) -> bool:
        return True  # no callbacks are callbacks

    def _describe(self) -> dict[str, Any]:
        return {}

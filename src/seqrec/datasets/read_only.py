"""Entries of the catalog that pipelines load and never save."""

from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from kedro.io import AbstractDataset

from seqrec.datasets.plain_errors import plainly
from seqrec.errors import ProjectError

Loaded = TypeVar("Loaded")


class ReadOnlyDataset(AbstractDataset[NoReturn, Loaded]):
    """An entry that refuses to be saved.

    Attributes:
        filled_by: Says who writes what is loaded.
    """

    filled_by: ClassVar[str]

    @plainly
    def save(self, data: NoReturn) -> None:
        """Refuse.

        Raises:
            ProjectError: Always.
        """
        raise ProjectError(f"{type(self).__name__} is read-only: {self.filled_by}")


class PlaceDataset(ReadOnlyDataset[Loaded]):
    """A file or folder that other code fills; the entry exists before its content does.

    Args:
        filepath: The file or folder; it need not exist.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

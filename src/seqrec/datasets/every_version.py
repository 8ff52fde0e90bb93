"""All versions of another dataset: whoever reads them looks for the one that fits."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from seqrec.datasets.plain_errors import plainly
from seqrec.datasets.read_only import ReadOnlyDataset
from seqrec.datasets.versions import ManifestDataset


class EveryVersionDataset(ReadOnlyDataset[list[Any]]):
    """All versions of another dataset, oldest first; an empty list if there are none.

    Args:
        of: The other's name in the catalog.
        dataset: The other's entry in the catalog, with `versioned`.
        metadata: Passed through for Kedro plugins.
    """

    filled_by = "the dataset that it stands for is saved under its own name"

    def __init__(
        self, *, of: str, dataset: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        self._of = of
        self._config = dataset
        self.metadata = metadata

    @plainly
    def load(self) -> list[Any]:
        """Load every version that counts.

        Raises:
            ProjectError: One is not what was written.
        """
        return [self._at(known.version).load() for known in self._at(None).versions()]

    def _at(self, version: str | None) -> ManifestDataset[Any, Any]:
        made: Any = AbstractDataset.from_config(self._of, self._config, load_version=version)
        dataset: ManifestDataset[Any, Any] = made
        dataset.name = self._of
        return dataset

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"of": self._of, "filepath": str(Path(self._config["filepath"]))}

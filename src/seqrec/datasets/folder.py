"""A folder that another program fills; the catalog says where it is."""

from pathlib import Path

from seqrec.datasets.read_only import PlaceDataset


class FolderDataset(PlaceDataset[Path]):
    """A folder that some other program fills; loading it gives its path."""

    filled_by = "the program that owns the folder writes its files"

    def load(self) -> Path:
        """Return the folder; it need not exist."""
        return self._filepath

"""Trained models as a versioned folder: safetensors and JSON, never pickle."""

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from seqrec.engine.atomic_write import new_directory

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    from seqrec.models.artifact import ModelArtifact


class ModelArtifactDataset(AbstractVersionedDataset["ModelArtifact", "ModelArtifact"]):
    """A folder with ``model.safetensors`` and ``config.json`` that appears whole or not at all.

    Args:
        filepath: The artifact's folder.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def load(self) -> "ModelArtifact":
        """Read weights and configuration; nothing in the files can run code."""
        from safetensors.torch import load_file

        from seqrec.models.artifact import ModelArtifact

        folder = Path(self._get_load_path())
        return ModelArtifact(load_file(folder / "model.safetensors"), self._config(folder))

    def save(self, data: "ModelArtifact") -> None:
        """Write weights and configuration, atomically."""
        from safetensors.torch import save_file

        with new_directory(Path(self._get_save_path())) as scratch:
            # Tied weights share memory, which the format refuses: every tensor gets its own.
            own = {name: value.detach().cpu().clone() for name, value in data.weights.items()}
            save_file(own, scratch / "model.safetensors")
            text = json.dumps(data.config, indent=2, ensure_ascii=False)
            (scratch / "config.json").write_text(text + "\n", encoding="utf-8")

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the configuration in kedro-viz."""
        return JSONPreview(json.dumps(self._config(Path(self._get_load_path()))))

    @staticmethod
    def _config(folder: Path) -> dict[str, Any]:
        return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))

    def _exists(self) -> bool:
        return (Path(self._get_load_path()) / "config.json").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

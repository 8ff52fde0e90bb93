"""Trained models as a versioned folder: safetensors and JSON, never pickle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import JSONPreview

from seqrec.datasets.versions import ManifestDataset

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    from seqrec.models.artifact import ModelArtifact

WEIGHTS, CONFIG = "model.safetensors", "config.json"


class ModelArtifactDataset(ManifestDataset["ModelArtifact", "ModelArtifact"]):
    """A folder with ``model.safetensors`` and ``config.json``."""

    def _read(self, path: Path) -> "ModelArtifact":
        """Read weights and configuration; nothing in the files can run code."""
        from safetensors.torch import load_file

        from seqrec.models.artifact import ModelArtifact

        return ModelArtifact(load_file(path / WEIGHTS), self._earlier_facts(path))

    def _write(self, data: "ModelArtifact", path: Path) -> None:
        """Write weights and configuration."""
        from safetensors.torch import save_file

        path.mkdir()
        # Tied weights share memory, which the format refuses: every tensor gets its own.
        own = {name: value.detach().cpu().clone() for name, value in data.weights.items()}
        save_file(own, path / WEIGHTS)
        text = json.dumps(data.config, indent=2, ensure_ascii=False)
        (path / CONFIG).write_text(text + "\n", encoding="utf-8")

    def _facts_of(self, data: "ModelArtifact") -> dict[str, Any]:
        return data.config

    def _earlier_facts(self, path: Path) -> dict[str, Any]:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"{CONFIG} holds no configuration")
        return config

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show the configuration in kedro-viz."""
        return JSONPreview(json.dumps(self.facts()))

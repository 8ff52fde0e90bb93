"""Trained models as a versioned folder: safetensors and JSON, never pickle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import JSONPreview

from seqrec.datasets.versions import ManifestDataset
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import ids_file

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    import pandas as pd

    from seqrec.models.artifact import ModelArtifact

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


class ModelArtifactDataset(ManifestDataset["ModelArtifact", "ModelArtifact"]):
    """A folder with ``model.safetensors``, ``config.json`` and what its rows stand for.

    That is ``item_id.parquet``, and ``user_id.parquet`` if the model has an embedding of users; a
    model can be used where its data are not.
    """

    def _read(self, path: Path) -> "ModelArtifact":
        """Read weights and configuration; nothing in the files can run code."""
        from safetensors.torch import load_file

        from seqrec.models.artifact import ModelArtifact

        items, users = (_read_names(path / ids_file(field)) for field in (c.ITEM, c.USER))
        return ModelArtifact(load_file(path / WEIGHTS), self._earlier_facts(path), items, users)

    def _write(self, data: "ModelArtifact", path: Path) -> None:
        """Write weights and configuration."""
        from safetensors.torch import save_file

        path.mkdir()
        # Tied weights share memory, which the format refuses: every tensor gets its own.
        own = {name: value.detach().cpu().clone() for name, value in data.weights.items()}
        save_file(own, path / WEIGHTS)
        text = json.dumps(data.config, indent=2, ensure_ascii=False)
        (path / CONFIG).write_text(text + "\n", encoding="utf-8")
        for field, names in ((c.ITEM, data.items), (c.USER, data.users)):
            if names is not None:
                names.to_parquet(path / ids_file(field), index=False)

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


def _read_names(path: Path) -> "pd.DataFrame | None":
    """Read what ids stand for, if the model has it."""
    import pandas as pd

    return pd.read_parquet(path) if path.is_file() else None

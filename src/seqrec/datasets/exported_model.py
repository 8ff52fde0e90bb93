"""A model for a hub: programs, weights, card and licence in one versioned folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import JSONPreview

from seqrec.datasets.versions import ManifestDataset
from seqrec.tables import columns as c

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    from seqrec.export.exported import ExportedModel

CARD, LICENCE = "README.md", "LICENSE.md"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
INPUTS, METRICS, CHECK = "programs.json", "metrics.json", "check.json"


class ExportedModelDataset(ManifestDataset["ExportedModel", Path]):
    """A folder that can be uploaded as it is; loading it gives its path.

    It has ``<program>.pt2``, ``<program>.onnx`` where there is one, weights, configuration, the
    names of items by row (and of users, if the model knows users), what the programs take, how
    they were checked, metrics, card and licence. Titles are not in it: they are not ours to give.
    """

    def _read(self, path: Path) -> Path:
        """Return the folder, which has been checked."""
        self._earlier_facts(path)
        return path

    def _write(self, data: "ExportedModel", path: Path) -> None:
        """Write every file."""
        import torch
        from safetensors.torch import save_file

        path.mkdir()
        for name, program in data.programs.items():
            torch.export.save(program, path / f"{name}.pt2")
        for name, translated in data.onnx.items():
            translated.save(path / f"{name}.onnx")
        weights = data.artifact.weights.items()
        save_file({k: x.detach().cpu().clone() for k, x in weights}, path / WEIGHTS)
        for field, names in ((c.ITEM, data.artifact.items), (c.USER, data.artifact.users)):
            if names is not None:
                names[[field]].to_csv(path / f"{field}.csv", index=False)
        parts = {CONFIG: data.artifact.config, INPUTS: data.inputs}
        for name, values in {**parts, METRICS: data.metrics, CHECK: data.check}.items():
            text = json.dumps(values, indent=2, ensure_ascii=False)
            (path / name).write_text(text + "\n", encoding="utf-8")
        (path / CARD).write_text(data.card, encoding="utf-8")
        (path / LICENCE).write_text(data.licence, encoding="utf-8")

    def _facts_of(self, data: "ExportedModel") -> dict[str, Any]:
        return data.facts

    def _earlier_facts(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        return values

    # kedro-viz reads the annotation, so it must be the type itself, not a string.
    def preview(self) -> JSONPreview:
        """Show what the version was made from."""
        return JSONPreview(json.dumps(self.facts()))

"""A model on its way out: everything that its folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqrec.models.artifact import ModelArtifact

# Nodes name this class in their signatures, and Kedro imports nodes to list pipelines: no torch.
if TYPE_CHECKING:
    from torch.export import ExportedProgram


@dataclass(frozen=True)
class ExportedModel:
    """What `ExportedModelDataset` writes.

    Attributes:
        artifact: Weights and configuration; of its items and users only the names are written.
        programs: Of `torch.export`, by name.
        onnx: torch's `ONNXProgram` of those that have a translation.
        inputs: Names, types and shapes of what each program takes, in order; of what it returns.
        metrics: What was measured, and of which training.
        check: How the programs' ranks agree with the model's.
        card: The model card, Markdown with the header that hubs read.
        licence: What is known of the licence, Markdown.
    """

    artifact: ModelArtifact
    programs: dict[str, ExportedProgram]
    onnx: dict[str, Any]
    inputs: dict[str, Any]
    metrics: dict[str, Any]
    check: dict[str, Any]
    card: str
    licence: str
    facts: dict[str, Any] = field(default_factory=dict)

"""Nodes of ``export_<model>``."""

from __future__ import annotations

from seqrec.export.exported import ExportedModel
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Evaluation, Export, Runtime
from seqrec.tables.atomic_files import AtomicFiles


def export_model(
    weights: ModelArtifact,
    atomic_files: AtomicFiles,
    runtime: Runtime,
    evaluation: Evaluation,
    export: Export,
) -> ExportedModel:
    """Turn a trained model into programs that rank as it does, and describe them.

    Args:
        weights: A trained model.
        atomic_files: The data it was trained on: its test users are ranked again.
        runtime: The machine; programs are made and checked on the CPU.
        evaluation: The protocol of the card's metrics.
        export: What is exported, and how it is checked.

    Returns:
        What the folder holds.
    """
    from seqrec.recbole_bridge.exporting import export_checked

    return export_checked(weights, atomic_files, runtime, evaluation, export)

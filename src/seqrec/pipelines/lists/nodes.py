"""Nodes of ``lists_<model>``."""

from __future__ import annotations

from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Recommend, Runtime
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.list_parts import ListParts


def list_for_everyone(
    weights: ModelArtifact, atomic_files: AtomicFiles, runtime: Runtime, recommend: Recommend
) -> ListParts:
    """List what to show to every user, however many they are, without titles.

    Args:
        weights: A trained model.
        atomic_files: The data it was trained on.
        runtime: The machine.
        recommend: How many items, for whom, when, and whether seen ones are left out.

    Returns:
        user_id, moment, place, item_id, score, made while they are saved.
    """
    from seqrec.recbole_bridge import api

    return api.list_for_everyone(weights, atomic_files, runtime, recommend)

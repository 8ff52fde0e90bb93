"""Nodes of ``ensemble``."""

from __future__ import annotations

import pandas as pd

from seqrec.models.artifact import KeptTraining
from seqrec.parameters import Runtime
from seqrec.tables.atomic_files import AtomicFiles


def rank_by_ensemble(
    members: list[KeptTraining], atomic_files: AtomicFiles, runtime: Runtime
) -> pd.DataFrame:
    """Rank every user's test item by the mean of the members' log-probabilities.

    Args:
        members: Trained models.
        atomic_files: The data they were trained on.
        runtime: The machine.

    Returns:
        A row per user, mask and query time, as for a single model.
    """
    from seqrec.recbole_bridge.ensemble import rank_ensemble

    return rank_ensemble(members, atomic_files, runtime)

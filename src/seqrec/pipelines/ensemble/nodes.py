"""Nodes of ``ensemble`` and ``recommend_ensemble``."""

from __future__ import annotations

import pandas as pd

from seqrec.models.artifact import KeptTraining
from seqrec.parameters import Recommend, Runtime
from seqrec.pipelines.recommend.nodes import add_titles
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


def recommend_by_ensemble(
    members: list[KeptTraining],
    atomic_files: AtomicFiles,
    runtime: Runtime,
    recommend: Recommend,
    movies: pd.DataFrame,
) -> pd.DataFrame:
    """List what to show to each user, with titles.

    Args:
        members: Trained models.
        atomic_files: The data they were trained on.
        runtime: The machine.
        recommend: How many items, for whom, when.
        movies: Titles.

    Returns:
        user_id, moment, place, item_id, score, title.

    Raises:
        ProjectError: Every user has seen every item.
    """
    from seqrec.recbole_bridge.ensemble import recommend_by_ensemble as list_items

    return add_titles(list_items(members, atomic_files, runtime, recommend), movies)

"""A leaderboard lists trainings that are kept: it comes after what makes them."""

from __future__ import annotations

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.errors import ProjectError
from seqrec.model_registry import RANKERS

EVERY_TRAINING = "trained_models"
"""The dataset that is every version of every model's ranks, as they lie there."""

_RANKS = ".target_ranks"


def check_leaderboard(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a run whose leaderboard would miss what the run itself makes.

    Kedro orders nodes by their datasets, and the leaderboard reads versions that no node writes
    for it. A baseline that is not trained comes to the same ranks each time: one that is kept
    will do.

    Raises:
        ProjectError: Names a model, and what to type.
    """
    if EVERY_TRAINING not in pipeline.inputs():
        return
    made = sorted(name for name in pipeline.all_outputs() if name.endswith(_RANKS))
    for name in made:
        model = name.removesuffix(_RANKS)
        if model not in RANKERS or not catalog.exists(name):
            raise ProjectError(
                f"a leaderboard takes what is kept already, and this run makes the ranks of "
                f"{model}, which it would miss: run this without it first, then "
                "kedro run --pipelines leaderboard"
            )

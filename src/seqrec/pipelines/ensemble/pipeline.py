"""Pipeline ``ensemble``: several trainings as one, ranked like a model."""

from kedro.pipeline import Node, Pipeline

from seqrec.model_registry import ENSEMBLE
from seqrec.pipelines.ensemble.nodes import rank_by_ensemble
from seqrec.pipelines.recommend.pipeline import create_lists_pipeline

MEMBERS = "trained_weights"


def create_pipeline() -> Pipeline:
    """Build weights of several trainings → ranks of the held-out items."""
    asked = [MEMBERS, "atomic_files", "params:runtime"]
    ranks = f"{ENSEMBLE}.target_ranks"
    return Pipeline([Node(rank_by_ensemble, asked, ranks, name="rank_by_ensemble")], tags=ENSEMBLE)


def create_recommend_pipeline() -> Pipeline:
    """Build weights of several trainings → recommendations, as for a single model."""
    return create_lists_pipeline(ENSEMBLE, MEMBERS)

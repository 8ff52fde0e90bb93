"""What the nodes of ``evaluation`` read: datasets, by the arguments that take them."""

from __future__ import annotations

from seqrec.model_registry import ENSEMBLE, MODELS, RANKERS, compared

TRAINED = compared(MODELS)
UNTRAINED = compared(RANKERS)
COMPARED = (*TRAINED, *UNTRAINED)


def of_models(kind: str, **others: str) -> dict[str, str]:
    """Name a dataset of every compared model, and others beside them.

    Args:
        kind: The last part of its name, such as ``metrics``.
        **others: Further datasets and parameters.
    """
    return {**others, **{name: f"{name}.{kind}" for name in COMPARED}}


LOGS = {name: f"{name}.training_log" for name in TRAINED}
RANKS = of_models("target_ranks", evaluation="params:evaluation")
ENSEMBLE_METRICS = f"{ENSEMBLE}.metrics"
"""They have no rows if there is no ensemble."""
WITH_ENSEMBLE = {ENSEMBLE: ENSEMBLE_METRICS}
METRICS = {**of_models("metrics", evaluation="params:evaluation"), **WITH_ENSEMBLE}
SLICES = {**METRICS, "interactions": "interactions@pandas"}
EXAMPLES = {**RANKS, "interactions": "interactions@pandas", "movies": "movies_raw"}
COMPARED_TRAININGS = {
    **of_models("metrics", interaction_stats="data_stats", provenance="provenance"),
    **WITH_ENSEMBLE,
}
ENSEMBLE_RANKS = [f"{ENSEMBLE}.target_ranks", "data_stats", "params:evaluation"]
LISTS = {
    "compared": "compared",
    **{f"{name}_lists": f"{name}.every_list_metrics" for name in TRAINED},
}
COMPARISON = {"evaluation": "params:evaluation", "comparison": "comparison"}
REPORT = {
    **COMPARISON,
    "differences": "differences",
    "interaction_stats": "data_stats",
    "provenance": "provenance",
    "compared": "compared",
    "leaderboard": "last_leaderboard",
    "lists": "compared_lists",
    "training_costs": "training_costs",
    "user_slices": "user_slices",
    "examples": "examples",
    "training_plot": "training_plot",
    "metrics_plot": "metrics_plot",
    "ranks_plot": "ranks_plot",
    "data_plot": "data_plot",
}
PRINTED = ["params:evaluation", "comparison", "differences", "compared", "report"]
"""The report is awaited, not read: the table is printed last."""

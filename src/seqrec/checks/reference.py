"""The model that others are compared with is one of those compared."""

from __future__ import annotations

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.errors import ProjectError
from seqrec.model_registry import ENSEMBLE


def check_reference(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a reference that the run does not measure.

    Raises:
        ProjectError: Names it and those that can be.
    """
    if "differences" not in pipeline.all_outputs():
        return
    ending = ".metrics"
    measured = {n.removesuffix(ending) for n in pipeline.datasets() if n.endswith(ending)}
    compared = sorted(measured - {ENSEMBLE})
    reference = catalog.load("params:evaluation").reference
    if reference not in compared:
        raise ProjectError(
            f"evaluation.reference is {reference!r}, which this run does not compare: choose one "
            f"of {', '.join(compared)}, or run leaderboard"
        )

"""A model that is searched has a space to search."""

from __future__ import annotations

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.model_registry import MODELS


def check_searches(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a search of a model whose parameters say nothing about it.

    Raises:
        ProjectError: Names the block that is missing, and where one is to be seen.
    """
    made = pipeline.all_outputs()
    for name in MODELS:
        if f"{name}.trials" in made:
            catalog.load(f"params:{name}").to_search(name)

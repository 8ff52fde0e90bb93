"""What a run reads is there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.artefacts.remedies import find_pipeline
from seqrec.errors import ProjectError


def check_inputs(pipeline: Pipeline, catalog: DataCatalog, supplied: Collection[str] = ()) -> None:
    """Check that every input of a run exists and can be read.

    Args:
        pipeline: What will run.
        catalog: Where its inputs are.
        supplied: Datasets that hooks save before the first node.

    Raises:
        ProjectError: Names the dataset and what makes it.
    """
    for name in sorted(pipeline.inputs()):
        if name not in supplied and not name.startswith(("params:", "parameters")):
            _check_input(name, catalog)


def _check_input(name: str, catalog: DataCatalog) -> None:
    dataset: Any = catalog.get(name)
    if hasattr(dataset, "preflight"):
        dataset.preflight()
    elif not catalog.exists(name):
        plain = name.split("@")[0]  # interactions@pandas: one file, several ways to read it
        raise ProjectError(f"{plain} does not exist yet: {_remedy(plain)}")


def _remedy(name: str) -> str:
    """Say which pipeline makes a dataset."""
    pipeline = find_pipeline(name)
    if pipeline:
        return f"run `kedro run --pipeline {pipeline}` first, or `kedro run` for all"
    return "check its filepath in the catalog"

"""Pipelines ``export_<model>``: a trained model as a folder that can be uploaded."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.export.nodes import export_model


def create_pipeline(model: str) -> Pipeline:
    """Build weights → programs, checked, with card and licence.

    Args:
        model: A trained model.
    """
    parameters = ["params:runtime", "params:evaluation", "params:export"]
    asked = [f"{model}.weights", "atomic_files", *parameters]
    return Pipeline(
        [Node(export_model, asked, f"{model}.export", name=f"export_{model}")], tags="export"
    )

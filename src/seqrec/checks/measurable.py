"""Where nothing is held out, nothing is measured."""

from __future__ import annotations

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from seqrec.errors import ProjectError
from seqrec.starts import ALL

LEARNS_OR_USES = {"data", "training", "recommend", "export"}
"""Tags of nodes that need no held-out items."""


def check_measurable(pipeline: Pipeline, split: str) -> None:
    """Refuse to measure, or to search by measuring, where nothing is held out.

    Args:
        pipeline: What will run.
        split: `DataProcessing.split`.

    Raises:
        ProjectError: Names the first node that measures, and what to type.
    """
    if split != ALL:
        return
    measuring = [node for node in pipeline.nodes if not node.tags & LEARNS_OR_USES]
    if measuring:
        raise ProjectError(
            f"with data_processing.split=all nothing is held out, so that {_plain(measuring[0])} "
            "has nothing to measure: run data_processing, recbole_format, train_<model>, "
            "recommend_<model>, lists_<model> or export_<model>, or hold items out "
            "(split=leave_one_out)"
        )


def _plain(node: Node) -> str:
    return str(node.name).split(".")[-1]

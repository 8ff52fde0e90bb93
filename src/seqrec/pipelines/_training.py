"""The training template: one shape of pipeline for every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from seqrec.datasets.atomic_files import AtomicFiles
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Runtime


def create_training_pipeline(namespace: str, train: Callable[..., Any]) -> Pipeline:
    """Build atomic files → weights, history → ranks of the held-out items.

    Args:
        namespace: The model's name; its parameters and artifacts live below it.
        train: Node that trains the model.
    """
    return Pipeline(
        [
            Node(
                train,
                [
                    "atomic_files",
                    "params:model",
                    "params:training",
                    "params:runtime",
                    "checkpoints",
                    "params:resume",
                ],
                ["weights", "history"],
                name="train",
            ),
            Node(
                rank_held_out_items,
                ["weights", "atomic_files", "params:runtime"],
                "target_ranks",
                name="rank_held_out_items",
            ),
        ],
        namespace=namespace,
        inputs="atomic_files",
        parameters={"params:runtime", "params:resume"},
        tags="training",
    )


def rank_held_out_items(
    weights: ModelArtifact, atomic_files: AtomicFiles, runtime: Runtime
) -> pd.DataFrame:
    """Rank every user's test item among all items, under each protocol.

    Args:
        weights: A trained model.
        atomic_files: The data it was trained on.
        runtime: The machine.

    Returns:
        A row per user, mask and query time.
    """
    from seqrec.recbole_bridge.api import rank

    return rank(weights, atomic_files, runtime)

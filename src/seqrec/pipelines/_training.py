"""The training template: one shape of pipeline for every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from seqrec.model_registry import ModelSpec
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Runtime, Training
from seqrec.parameters.base import Resume
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.callbacks import Callbacks
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.start import Start


def create_training_pipeline(spec: ModelSpec) -> Pipeline:
    """Build atomic files → weights, training log → ranks of the held-out items.

    Args:
        spec: The model's entry; its parameters and artifacts live below its name.
    """
    return Pipeline(
        [
            Node(
                _train_node(spec),
                [
                    "atomic_files",
                    "params:model",
                    "params:training",
                    "params:runtime",
                    "checkpoints",
                    "params:resume",
                    "callbacks",
                    "start",
                ],
                ["weights", "training_log"],
                name="train",
            ),
            Node(
                rank_held_out_items,
                ["weights", "atomic_files", "params:runtime"],
                "target_ranks",
                name="rank_held_out_items",
            ),
        ],
        namespace=spec.name,
        inputs={"atomic_files", "callbacks"},
        parameters={"params:runtime", "params:resume"},
        tags="training",
    )


def _train_node(spec: ModelSpec) -> Callable[..., Any]:
    """Make the node that trains a model: Kedro reads the type of its parameters from it."""

    def train_model(
        atomic_files: AtomicFiles,
        model: Any,
        training: Training,
        runtime: Runtime,
        checkpoints: CheckpointStore,
        resume: Resume,
        callbacks: Callbacks,
        start: Start,
    ) -> tuple[ModelArtifact, pd.DataFrame]:
        """Train a model to its early stop, or on everything for as long as was chosen before.

        Args:
            atomic_files: RecBole's files.
            model: The network's parameters.
            training: How to train.
            runtime: The machine.
            checkpoints: Where the training keeps its checkpoints.
            resume: Whether to resume from there.
            callbacks: Called after each epoch.
            start: Whose weights are taken over, and how many epochs if nothing is held out.

        Returns:
            The best weights, and a row of losses and metrics per epoch.
        """
        from seqrec.recbole_bridge.api import train
        from seqrec.training.experiment import Experiment

        experiment = Experiment(spec.name, model, training, runtime)
        return train(experiment, atomic_files, checkpoints, resume, callbacks, start)

    train_model.__name__ = f"train_{spec.name}"
    train_model.__annotations__["model"] = spec.parameters
    return train_model


def rank_held_out_items(
    weights: ModelArtifact, atomic_files: AtomicFiles, runtime: Runtime
) -> pd.DataFrame:
    """Rank every user's test item among all items, under each protocol; none if none is held out.

    Args:
        weights: A trained model.
        atomic_files: The data it was trained on.
        runtime: The machine.

    Returns:
        A row per user, mask and query time.
    """
    from seqrec.recbole_bridge.api import rank

    return rank(weights, atomic_files, runtime)

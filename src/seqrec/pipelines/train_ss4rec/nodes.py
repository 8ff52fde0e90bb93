"""Node of ``train_ss4rec``."""

from __future__ import annotations

import pandas as pd

from seqrec.datasets.atomic_files import AtomicFiles
from seqrec.datasets.checkpoints import CheckpointStore
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Runtime, SS4RecModel, Training


def train_ss4rec(
    atomic_files: AtomicFiles,
    model: SS4RecModel,
    training: Training,
    runtime: Runtime,
    checkpoints: CheckpointStore,
    resume: bool,
) -> tuple[ModelArtifact, pd.DataFrame]:
    """Train SS4Rec to its early stop.

    Args:
        atomic_files: RecBole's files.
        model: The network's parameters.
        training: How to train.
        runtime: The machine.
        checkpoints: Where an interrupted training leaves what it has.
        resume: Go on from there.

    Returns:
        The best weights, and a row of losses and metrics per epoch.
    """
    from seqrec.recbole_bridge.api import train

    return train("ss4rec", atomic_files, model, training, runtime, checkpoints, resume)

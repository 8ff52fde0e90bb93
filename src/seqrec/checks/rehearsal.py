"""A rehearsal on this very machine: ten steps of training."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from seqrec.checks.check import Check
from seqrec.parameters import ModelParameters, Runtime, Training
from seqrec.recbole_bridge.api import train
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles, write_twin
from seqrec.training.experiment import Experiment

STEPS = 5
"""Steps of a rehearsed epoch; there are two."""

PATTERN = 50
"""Items that occur in the rehearsal, out of all: learned within a few steps."""


def rehearse(
    name: str,
    model: ModelParameters,
    training: Training,
    runtime: Runtime,
    n_items: int,
) -> Check:
    """Train ten steps of the configured size on made-up histories.

    The loss must fall and every gradient be finite; a NaN stops the training itself.

    Args:
        name: The model.
        model: Its parameters.
        training: How it will be trained.
        runtime: The machine.
        n_items: Items in the real data.
    """
    short = training.model_copy(update={"epochs": 2, "early_stopping": 10, "warmup_steps": 0})
    quiet = runtime.model_copy(update={"show_progress": False})
    with tempfile.TemporaryDirectory() as folder:
        files = make_histories(Path(folder), training, getattr(model, "max_length", 50), n_items)
        with _hushed("seqrec"):
            history = train(Experiment(name, model, short, quiet), files)[1]
    return _judge(name, history)


def _judge(name: str, history: pd.DataFrame) -> Check:
    """Compare the two epochs of a rehearsal."""
    first, second = history["loss"]
    last = history.iloc[-1]
    facts = {
        "targets_per_second": float(last["targets_per_second"]),
        "memory_gib": float(last["memory_gib"]),
    }
    detail = (
        f"loss {first:.3f} to {second:.3f}, largest gradient norm "
        f"{history['largest_gradient_norm'].max():.2f}, {facts['memory_gib']:.1f} GiB, "
        f"{facts['targets_per_second']:,.0f} targets/s"
    )
    remedy = "" if second < first else "; the loss does not fall: lower training.learning_rate"
    return Check(f"{name}: 10 steps", bool(second < first), detail + remedy, facts)


@contextmanager
def _hushed(name: str) -> Iterator[None]:
    """Keep made-up epochs out of the log: they are no results."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def make_histories(folder: Path, training: Training, length: int, n_items: int) -> AtomicFiles:
    """Write histories that walk round a few items, enough for `STEPS` steps an epoch."""
    rows = training.batch_size if training.training_mode == "sequence" else 0
    users = max(20, STEPS * (rows or training.batch_size // length))
    position = np.tile(np.arange(length + 2, dtype=np.int32), users)
    user = np.repeat(np.arange(1, users + 1, dtype=np.int32), length + 2)
    split = np.zeros(len(user), np.int8)
    split[length :: length + 2] = c.SPLITS.index(c.VALID)
    split[length + 1 :: length + 2] = c.SPLITS.index(c.TEST)
    table = {
        c.USER: user,
        c.ITEM: (1 + (7 * user + position) % min(PATTERN, n_items)).astype(np.int32),
        c.POSITION: position,
        c.DELTA: np.where(position == 0, 0, 30 * (position % 3)).astype(np.int32),
        c.SPLIT: split,
        c.RATING: (1 + position % 5).astype(np.float32),
        c.TIMESTAMP: 10**9 + 30 * position.astype(np.int64),
    }
    return write_twin(folder, "rehearsal", table, users, n_items)

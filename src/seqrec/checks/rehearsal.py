"""A rehearsal on this very machine: the kernels' answers, then ten steps of training."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqrec.checks.check import Check
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import Backend, resolve
from seqrec.parameters import ModelParameters, Runtime, SS4RecModel, Training
from seqrec.recbole_bridge.api import train
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles, write_twin
from seqrec.training.devices import resolve_device
from seqrec.training.experiment import Experiment

STEPS = 5
"""Steps of a rehearsed epoch; there are two."""

TOLERANCE = 1e-4
PATTERN = 50
"""Items that occur in the rehearsal, out of all: learned within a few steps."""


def check_kernels(model: SS4RecModel, runtime: Runtime) -> Check:
    """Compare the kernels with plain loops in float64: values and every gradient."""
    device = resolve_device(runtime.device)
    chosen = resolve(runtime.ssm_backend, device)
    model = model.model_copy(update={"dropout": 0.0})
    torch.manual_seed(0)
    law = SS4RecEncoder(model, 60, resolve("naive", "cpu")).double()
    items = torch.randint(1, 60, (3, 40))
    intervals = torch.rand(3, 40).pow(8) * 1e6
    intervals[:, ::3] = 0  # ties
    expected = _values_and_gradients(law, items, intervals.double())
    found = _values_and_gradients(
        _twin(law, model, chosen, device), items.to(device), intervals.to(device)
    )
    worst = max(
        float((x.double().cpu() - y).abs().max() / y.abs().max().clamp(min=1e-12))
        for x, y in zip(found, expected, strict=True)
    )
    passed = worst <= TOLERANCE
    detail = f"{chosen.name}: largest relative difference to plain float64 loops {worst:.1e}"
    remedy = "" if passed else f" is above {TOLERANCE:.0e}; try another runtime.ssm_backend"
    return Check("kernels", passed, detail + remedy, {"ssm_backend": chosen.name})


def _twin(
    law: SS4RecEncoder, model: SS4RecModel, backend: Backend, device: torch.device
) -> SS4RecEncoder:
    encoder = SS4RecEncoder(model, 60, backend)
    encoder.load_state_dict(law.state_dict())
    return encoder.float().to(device)


def _values_and_gradients(
    encoder: SS4RecEncoder, items: Tensor, intervals: Tensor
) -> list[Tensor]:
    hidden = encoder(items, intervals)
    wanted = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(1))
    (hidden * wanted.to(hidden)).mean().backward()
    return [hidden.detach(), *(p.grad for p in encoder.parameters() if p.grad is not None)]


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
        with _hushed("seqrec.recbole_bridge"):
            _, history = train(Experiment(name, model, short, quiet), files)
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
    }
    return write_twin(folder, "rehearsal", table, users, n_items)

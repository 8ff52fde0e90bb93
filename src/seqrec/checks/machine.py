"""The machine: device, memory, disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil
import torch

from seqrec.checks.check import Check
from seqrec.parameters import ModelParameters, NCFModel, Runtime, Training
from seqrec.training.devices import resolve_device

GIB = 2**30
CONTEXT_GIB = 1.0
"""CUDA's context, compiled kernels and libraries' workspaces."""

ACTIVATIONS = 60
"""Floats kept per token, layer and hidden unit, on the safe side: about 24 would explain the
0.64 GiB that a training took on an H100 (docs/training.md)."""

DISK_BYTES_PER_RATING, DISK_GIB = 200, 1.0


def check_device(runtime: Runtime) -> Check:
    """Name the device and its driver."""
    device = resolve_device(runtime.device)
    if device.type == "cpu":
        return Check("device", True, f"CPU, {os.cpu_count()} cores, torch {torch.__version__}")
    properties = torch.cuda.get_device_properties(device)
    detail = (
        f"{properties.name}, {properties.total_memory / GIB:.0f} GiB, driver {_driver()}, "
        f"CUDA {torch.version.cuda}, torch {torch.__version__}"
    )
    return Check("device", True, detail, {"device": properties.name})


def needed_gib(
    model: ModelParameters, training: Training, runtime: Runtime, n_users: int, n_items: int
) -> float:
    """Estimate from above what a training holds on its device, in GiB.

    Weights with gradient and Adam's two moments; activations; a chunk of logits and its gradient;
    the scores of an evaluation batch.
    """
    if isinstance(model, NCFModel):
        width, layers = model.mf_size + model.mlp_size, len(model.mlp_hidden_sizes) + 1
    else:
        width, layers = (int(getattr(model, name, 1)) for name in ("hidden_size", "n_layers"))
    if length := int(getattr(model, "max_length", 0)):
        tokens, embeddings = training.batch_size * length // training.accumulate, n_items * width
    else:
        tokens, embeddings = training.batch_size * (1 + training.negatives), n_users + n_items
        embeddings *= width
    logits = {"CE": min(tokens * n_items, 2**27), "sampled_CE": 3 * tokens * training.negatives}
    floats = (
        4 * embeddings
        + ACTIVATIONS * tokens * layers * width
        + 2 * logits.get(training.loss_type, tokens * training.negatives * width)
        + 3 * runtime.eval_batch_size * n_items
    )
    return CONTEXT_GIB + 4 * floats / GIB


def check_memory(needed: float, runtime: Runtime) -> Check:
    """Compare what is free with what is needed."""
    device = resolve_device(runtime.device)
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] / GIB
    else:
        free = psutil.virtual_memory().available / GIB
    detail = f"{free:.1f} GiB free, at most {needed:.1f} GiB needed"
    remedy = "; take a larger GPU, or training.accumulate=2, or a smaller runtime.eval_batch_size"
    return Check("memory", free >= needed, detail + ("" if free >= needed else remedy))


def check_disk(folder: Path, ratings: int) -> Check:
    """Compare the free disk below the data folder with what a run writes."""
    while not folder.exists():
        folder = folder.parent
    free, needed = (
        shutil.disk_usage(folder).free / GIB,
        DISK_GIB + DISK_BYTES_PER_RATING * ratings / GIB,
    )
    detail = f"{free:.1f} GiB free in {folder}, {needed:.1f} GiB needed"
    return Check("disk", free >= needed, detail + ("" if free >= needed else "; make room"))


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.splitlines()[0].strip()

"""The requested device is present."""

from __future__ import annotations

import os
import subprocess

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.checks.check import Check
from seqrec.parameters import Runtime


def check_device(runtime: Runtime) -> Check:
    """Name the device and its driver."""
    import torch

    from seqrec.training.devices import resolve_device

    device = resolve_device(runtime.device)
    if device.type == "cpu":
        return Check("device", True, f"CPU, {os.cpu_count()} cores, torch {torch.__version__}")
    properties = torch.cuda.get_device_properties(device)
    detail = (
        f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, driver {_driver()}, "
        f"CUDA {torch.version.cuda}, torch {torch.__version__}"
    )
    count = torch.cuda.device_count()
    if count > 1:
        detail += f"; {count} GPUs: torchrun --nproc-per-node {count} trains on all of them"
    return Check("device", True, detail, {"device": properties.name})


def check_gpu(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a missing GPU, if the pipeline would use one.

    Raises:
        ProjectError: Names the device and the remedy.
    """
    if "params:runtime" not in pipeline.inputs():
        return
    device = catalog.load("params:runtime").device
    if device.startswith("cuda"):
        # torch takes seconds to import: only who asks for a GPU waits for it here.
        from seqrec.training.devices import resolve_device

        resolve_device(device)


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.splitlines()[0].strip()

"""What a run was: commit, versions, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.experiments import CHOSEN_BY
from seqrec.hooks.run_facts import dataset_name
from seqrec.record import RECORD, configuration_of_record

PROVENANCE = "provenance"
"""The dataset this hook supplies."""

DEVICE = "params:runtime.device"

_PACKAGES = ("torch", "recbole", "s5-pytorch", "kedro", "numpy", "pandas")


class ProvenanceHooks:
    """Save the catalog's `provenance` before a run that reports."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember where the configuration is."""
        self._conf_source = str(context.config_loader.conf_source)

    # Last: a run that preflight refuses leaves nothing behind.
    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Describe this run if any node will read the description."""
        if PROVENANCE in pipeline.inputs():
            record = configuration_of_record(self._conf_source)
            more = {"dataset": dataset_name(catalog), RECORD: record}
            catalog.save(PROVENANCE, {**describe_run(run_params, catalog), **more})


def describe_run(run_params: dict[str, Any], catalog: DataCatalog) -> dict[str, Any]:
    """Return plain facts about a run; no path, no user, no secret.

    Args:
        run_params: As Kedro hands them to hooks.
        catalog: Tells which device was asked for.
    """
    asked = catalog.load(DEVICE) if DEVICE in catalog else "auto"
    return {
        "run": run_params["run_id"],
        "environment": run_params["env"] or "smoke",
        **named_experiment(run_params),
        "commit": _commit(Path(run_params["project_path"])),
        "device": name_device(asked),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def named_experiment(run_params: dict[str, Any]) -> dict[str, Any]:
    """Return the name of the experiment that a run was started with, if it was with one.

    What was trained is told by its parameters, wherever they came from. `experiment` is taken in
    manifests: it is what was trained.

    Args:
        run_params: As Kedro hands them to hooks.
    """
    name = (run_params.get("runtime_params") or {}).get(CHOSEN_BY)
    return {"experiment_name": name} if name else {}


def _commit(project: Path) -> str:
    """Return the commit, marked if files differ from it."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("SEQREC_COMMIT", "unknown")  # the container's stamp
    return done.stdout.strip()


def name_device(asked: str = "auto") -> str:
    """Name the GPU, or the processor's architecture.

    Args:
        asked: As `runtime.device`. For the CPU torch is not imported, which takes seconds.
    """
    if asked != "cpu":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}, {os.cpu_count()} cores)"

"""Checks before the first node: one clear line instead of a traceback an hour later."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import ValidationError

from seqrec.errors import ProjectError
from seqrec.hooks.command_errors import command_errors
from seqrec.hooks.provenance import PROVENANCE
from seqrec.parameters.tree import Parameters


class PreflightHooks:
    """Refuse a run that cannot end well."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check every parameter: unknown names, types, ranges."""
        with command_errors():
            check_parameters(context.config_loader["parameters"], context.env)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Check that outputs have a place, inputs exist and the device is there."""
        check_outputs(pipeline, catalog)
        check_device(pipeline, catalog)
        for name in sorted(pipeline.inputs()):
            if not name.startswith(("params:", "parameters")):
                check_input(name, catalog)


def check_parameters(values: dict[str, Any], env: str | None) -> None:
    """Check the merged parameters against `seqrec.parameters.tree.Parameters`.

    Raises:
        ProjectError: Names the first culprit, what is wrong and where to mend it.
    """
    try:
        Parameters.model_validate(values)
    except ValidationError as error:
        first, more = error.errors()[0], error.error_count() - 1
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"][:1].lower() + first["msg"][1:]
        problem = {
            "extra_forbidden": "unknown parameter",
            "missing": "parameter is missing",
            "value_error": message.removeprefix("value error, "),
        }.get(first["type"], f"{message}, got {first['input']!r}")
        where = f"conf/base or conf/{env or 'smoke'} (parameters_*.yml) or --params"
        others = f" ({more} more)" if more else ""
        raise ProjectError(f"{name}: {problem}; mend it in {where}{others}") from None


def check_outputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a dataset the catalog does not know, or one below a folder that cannot be written.

    Raises:
        ProjectError: Names the dataset or the folder.
    """
    for name in sorted(pipeline.all_outputs()):
        if name not in catalog:
            raise ProjectError(f"{name} is not in the catalog: its result would be lost")
        if path := getattr(catalog.get(name), "_filepath", None):
            folder = next(above for above in Path(str(path)).absolute().parents if above.exists())
            if not (folder.is_dir() and os.access(folder, os.W_OK)):
                raise ProjectError(f"{name} cannot be written: {folder} is no folder to write to")


def check_device(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a GPU that is not there, if the pipeline would use one.

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


def check_input(name: str, catalog: DataCatalog) -> None:
    """Check that an input of the run exists and can be read.

    Raises:
        ProjectError: Names the dataset and what makes it.
    """
    dataset: Any = catalog.get(name)
    if hasattr(dataset, "preflight"):
        dataset.preflight()
    elif name != PROVENANCE and not catalog.exists(name):
        plain = name.split("@")[0]  # interactions@pandas: one file, several ways to read it
        raise ProjectError(f"{plain} does not exist yet: {_remedy(plain)}")


def _remedy(name: str) -> str:
    """Say which pipeline makes a dataset."""
    from kedro.framework.project import pipelines

    for pipeline_name, pipeline in pipelines.items():
        made = {output.split("@")[0] for output in pipeline.all_outputs()}
        if pipeline_name != "__default__" and name in made:
            return f"run `kedro run --pipeline {pipeline_name}` first, or `kedro run` for all"
    return "check its filepath in the catalog"

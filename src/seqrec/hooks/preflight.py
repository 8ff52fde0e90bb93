"""Checks before the first node: one clear line instead of a traceback an hour later."""

from __future__ import annotations

from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.checks.device import check_gpu
from seqrec.checks.inputs import check_inputs
from seqrec.checks.leaderboard import check_leaderboard
from seqrec.checks.outputs import check_outputs
from seqrec.checks.parameters import SETTINGS, check_parameters
from seqrec.checks.reference import check_reference
from seqrec.checks.searches import check_searches
from seqrec.checks.selection import check_sequential
from seqrec.hooks.command_errors import command_errors
from seqrec.hooks.provenance import PROVENANCE


class PreflightHooks:
    """Refuse a run that cannot end well."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check every parameter: unknown names, types, ranges."""
        with command_errors():
            config = context.config_loader
            settings = {name: config["globals"].get(name) for name in SETTINGS}
            given = {name: value for name, value in settings.items() if value is not None}
            check_parameters({**given, **config["parameters"]}, context.env)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Check that outputs have a place, inputs exist and the device is there."""
        check_sequential(run_params["runner"])
        check_leaderboard(pipeline, catalog)
        check_outputs(pipeline, catalog)
        check_gpu(pipeline, catalog)
        check_reference(pipeline, catalog)
        check_searches(pipeline, catalog)
        check_inputs(pipeline, catalog, supplied={PROVENANCE})

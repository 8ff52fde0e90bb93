"""Before a run: choose what its trainings begin with, and keep what is not measured out of it."""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from seqrec.checks.measurable import check_measurable
from seqrec.datasets.start import StartDataset
from seqrec.hooks.runs import present_record
from seqrec.parameter_tree import Parameters
from seqrec.runs import Training
from seqrec.starts import ALL, StartPlan, check_epochs, check_warm_start, find_validated

logger = logging.getLogger(__name__)

START = ".start"
RANKS = ".target_ranks"
"""Ends of names: what a training begins with, and the ranks that it leaves."""


class StartHooks:
    """Say whose weights a training takes over, and how long it lasts where nothing validates."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember where the parameters are; `PreflightHooks` checks them after this."""
        self._config = context.config_loader

    # Called before `PreflightHooks`: a comparison without held-out items has no inputs either.
    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Plan every training of the run.

        Raises:
            ProjectError: Nothing says when to stop, or a version cannot be gone on from.
        """
        self._parameters = Parameters.model_validate(self._config["parameters"])
        self._protocol = self._parameters.data_processing.model_dump(mode="json")
        split = self._parameters.data_processing.split
        check_measurable(pipeline, split)
        for name in sorted(pipeline.inputs()):
            if name.endswith(START):
                dataset: Any = catalog[name]
                self._plan(name.removesuffix(START), dataset)
        if split == ALL:
            for name in pipeline.all_outputs():
                if name.endswith(RANKS):
                    catalog[name] = MemoryDataset()  # nothing is ranked: no file looks as if

    def _plan(self, model: str, start: StartDataset) -> None:
        present = present_record(self._parameters, model)
        kept = [
            Training.from_config(known.version, known.facts or {})
            for known in start.weights().versions()
        ]
        wanted = present["training"]["warm_start"]
        if wanted:
            check_warm_start(kept, wanted, present, self._protocol)
        for_use = None
        if self._protocol["split"] == ALL:
            for_use = self._choose_epochs(model, kept, present, start)
            check_epochs(model, for_use["epochs"], present["training"])
        start.plan = StartPlan(wanted, for_use)

    def _choose_epochs(
        self, model: str, kept: list[Training], present: dict[str, Any], start: StartDataset
    ) -> dict[str, Any]:
        """Take the number of epochs that was given, or that validation has chosen."""
        given = self._parameters.epochs_for_use.get(model)
        if given:
            return {"epochs": given}
        validated = find_validated(kept, present, self._protocol)
        metric = present["training"]["valid_metric"]
        scores = start.training_log(validated.version)[metric].tolist()
        # Of equal scores a training keeps the last.
        epochs = len(scores) - scores[::-1].index(max(scores))
        logger.info(
            "%s: every event is learned, for %d epochs, as validation chose in training %s (%s "
            "%.4f)",
            *(model, epochs, validated.version, metric, validated.best_score),
        )
        return {
            "epochs": epochs,
            "chosen_by": validated.version,
            "metric": metric,
            "score": validated.best_score,
        }

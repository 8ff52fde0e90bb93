"""Before a run: choose the trainings it reads, check its data, and record its origin."""

from __future__ import annotations

import itertools
import logging
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, Version
from kedro.pipeline import Pipeline

from seqrec.checks.data import (
    ATOMIC_FILES,
    INTERACTIONS,
    MADE_FROM,
    PROTOCOL,
    check_atomic_files,
    check_protocol,
    facts_of,
    present_fingerprint,
)
from seqrec.datasets.versions import ManifestDataset
from seqrec.hooks.provenance import named_experiment
from seqrec.model_registry import MODELS
from seqrec.parameter_tree import Parameters
from seqrec.runs import PRESENT, Data, Training, choose, differences

logger = logging.getLogger(__name__)

KINDS = ("weights", "target_ranks", "training_log")
"""What a training leaves, and other pipelines read."""


class RunsHooks:
    """Say which training of a model counts, and refuse data that does not fit the run."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters; `PreflightHooks` has checked them."""
        self._parameters = Parameters.model_validate(context.config_loader["parameters"])
        self._protocol = self._parameters.data_processing.model_dump(mode="json")

    # Called after `PreflightHooks`: what is read exists.
    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Check the data, choose the trainings, and record where outputs come from.

        Raises:
            ProjectError: What does not fit, and what to type.
        """
        check_protocol(pipeline, catalog, self._protocol)
        check_atomic_files(pipeline, catalog)
        self._choose_trainings(run_params, pipeline, catalog)
        self._tell_origin(run_params, pipeline, catalog)

    def _choose_trainings(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        given = run_params.get("load_versions") or {}
        of_trainings = [name for name in sorted(pipeline.inputs()) if _is_of_a_training(name)]
        if not of_trainings:
            return
        data = Data(present_fingerprint(pipeline, catalog), self._protocol)
        wanted = [name for name in of_trainings if name not in given and catalog.exists(name)]
        for model, names in itertools.groupby(wanted, _model_of):
            self._choose(model, list(names), catalog, data)

    def _choose(self, model: str, names: list[str], catalog: DataCatalog, data: Data) -> None:
        """Have a model's datasets load one and the same training: the one that counts."""
        datasets: dict[str, Any] = {name: catalog.get(name) for name in names}
        weights: Any = catalog.get(f"{model}.weights")
        # A training that is under way, or was killed, may have left some and not others.
        there = [{known.version for known in each.versions()} for each in datasets.values()]
        trained = weights.versions()
        kept = [
            Training.from_config(known.version, known.facts or {})
            for known in trained
            if known.version in set.intersection(*there)
        ]
        if not kept:
            return
        present = present_record(self._parameters, model)
        chosen = choose(kept, self._parameters.runs.get(model, PRESENT), present, data)
        changes = differences(chosen.record, present)
        told = f" ({', '.join(changes)})" if changes else ""
        for name, dataset in datasets.items():
            dataset._version = Version(chosen.version, dataset._version.save)
            dataset.release()
            if chosen.version != trained[-1].version or changes:
                logger.info("%s: training %s%s counts", name, chosen.version, told)

    def _tell_origin(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        made = pipeline.all_outputs()
        protocol = self._protocol
        version = run_params["run_id"]
        if INTERACTIONS not in made:
            protocol = facts_of(catalog, INTERACTIONS).get(PROTOCOL) or protocol
            if ATOMIC_FILES in made and catalog.exists(INTERACTIONS):
                interactions: Any = catalog.get(INTERACTIONS)
                version = interactions.resolve_load_version()
        facts = {
            "run": run_params["run_id"],
            "environment": run_params["env"] or "smoke",
            **named_experiment(run_params),
            PROTOCOL: protocol,
        }
        for name in made:
            dataset = catalog.get(name)
            if isinstance(dataset, ManifestDataset):
                more = {MADE_FROM: version} if name == ATOMIC_FILES else {}
                dataset.run_facts = {**facts, **more}


def present_record(parameters: Parameters, model: str) -> dict[str, Any]:
    """Describe a model's present configuration as its trainings are described."""
    block = parameters.of(model)
    return {
        "name": model,
        "model": block.model.model_dump(mode="json"),
        "training": block.training.model_dump(mode="json"),
    }


def _model_of(name: str) -> str:
    return name.split(".")[0]


def _is_of_a_training(name: str) -> bool:
    model, _, kind = name.partition(".")
    return model in MODELS and kind in KINDS

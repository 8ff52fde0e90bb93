"""Before a run: choose what an ensemble averages, and which ensemble an evaluation shows."""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Pipeline

from seqrec.checks.data import present_fingerprint
from seqrec.checks.members import Kept, choose_members
from seqrec.datasets.trained_weights import TrainedWeightsDataset
from seqrec.errors import ProjectError
from seqrec.hooks.runs import present_record
from seqrec.model_registry import ENSEMBLE, MODELS, compared
from seqrec.parameter_tree import Parameters
from seqrec.runs import Data, Training

logger = logging.getLogger(__name__)

WEIGHTS = "trained_weights"
RANKS = f"{ENSEMBLE}.target_ranks"
METRICS = f"{ENSEMBLE}.metrics"
LEFT_OUT = (
    "ensemble: its ranks are of other data: left out (kedro run --pipelines ensemble makes them "
    "anew)"
)


class EnsembleMembersHooks:
    """Say which trainings an ensemble is made of."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters; `PreflightHooks` has checked them."""
        self._parameters = Parameters.model_validate(context.config_loader["parameters"])

    # Called after `RunsHooks`: the data fit the run.
    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Have the weights of the members loaded.

        Raises:
            ProjectError: A member is not there, or they do not belong together.
        """
        if WEIGHTS not in pipeline.inputs():
            return
        _refuse_training(pipeline)
        weights: Any = catalog[WEIGHTS]
        protocol = self._parameters.data_processing.model_dump(mode="json")
        kept = Kept(
            lambda model: _trainings(weights, model),
            lambda model: present_record(self._parameters, model),
            self._parameters.runs,
            Data(present_fingerprint(pipeline, catalog), protocol),
        )
        wanted = self._parameters.ensemble.members or tuple(compared(MODELS))
        members = choose_members(wanted, kept)
        weights.chosen = [(member.model, member.training.version) for member in members]
        logger.info("ensemble of %d: %s", len(members), ", ".join(map(str, members)))


class EnsembleHooks:
    """Say which ensemble is shown beside the models, or do without one."""

    # Called before `PreflightHooks`, which wants all that is read to be there.
    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Take the newest ensemble of the present data; without one there are no ranks of it.

        Whether it is of data that this run makes anew can be told when they are there.
        """
        given = run_params.get("load_versions") or {}
        if RANKS not in pipeline.inputs() or RANKS in given:
            return
        ranks: Any = catalog[RANKS]
        versions = ranks.versions()
        data = present_fingerprint(pipeline, catalog) if versions else None
        fitting = [known for known in versions if data in (None, (known.facts or {}).get("data"))]
        if fitting:
            ranks._version = Version(fitting[-1].version, ranks._version.save)
            ranks.release()
            return
        if versions:
            logger.warning(LEFT_OUT)
        for name in {RANKS, METRICS} & pipeline.datasets():
            catalog[name] = MemoryDataset(_nothing())


def _refuse_training(pipeline: Pipeline) -> None:
    """Refuse a run that trains: which trainings are there is known before it only."""
    trained = sorted(name for name in pipeline.all_outputs() if name.endswith(".weights"))
    if trained:
        model = trained[0].split(".")[0]
        raise ProjectError(
            f"an ensemble takes trainings that are kept already, and this run trains {model}: "
            f"run the pipeline train_{model} first, then this without it"
        )


def _trainings(weights: TrainedWeightsDataset, model: str) -> list[Training]:
    """List a model's trainings, oldest first."""
    versions = weights.of(model).versions()
    return [Training.from_config(known.version, known.facts or {}) for known in versions]


def _nothing() -> Any:
    # pandas takes long to import: only runs that read ranks wait for it.
    import pandas as pd

    return pd.DataFrame()

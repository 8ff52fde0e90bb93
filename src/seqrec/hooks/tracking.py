"""Weights & Biases: one run per run, closed whatever happens."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.hooks.provenance import describe_run
from seqrec.hooks.run_facts import CALLBACKS, dataset_name, first_process, harmless, headline
from seqrec.hooks.tracked_runs import (
    describe_trainings,
    find_interrupted,
    is_tracked,
    remember,
)
from seqrec.parameter_tree import Parameters
from seqrec.parameters import Tracking
from seqrec.services import Mode, redact_all, resolve_mode
from seqrec.training.callbacks import EpochEnd

# wandb takes a second to import: runs that track nothing do without.
if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

NO_NETWORK_SECONDS = 30


class TrackingHooks:
    """Tell W&B parameters, provenance, epochs, results and models; never the data or a secret.

    The report stays here: it shows some users' last items.
    """

    def __init__(self) -> None:
        self._run: wandb.Run | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters; `PreflightHooks` has checked them."""
        self._parameters = Parameters.model_validate(context.config_loader["parameters"])

    @hook_impl(trylast=True)
    @harmless
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the run of an experiment, or go on with that of the trainings it resumes."""
        mode = resolve_mode(self._parameters.tracking)
        if mode == "disabled" or not first_process() or not is_tracked(pipeline):
            return
        self._catalog, self._data_version = catalog, "unknown"
        self._trainings = describe_trainings(pipeline, self._parameters, self._dataset())
        self._id = self._choose_id(run_params)
        config = {
            **self._parameters.model_dump(mode="json", exclude={"tracking", "notifications"}),
            "dataset": self._dataset(),
            "provenance": describe_run(run_params, catalog),
        }
        folder = _folder(catalog)
        self._run = open_run(self._parameters.tracking, mode, self._id, folder, redact_all(config))
        remember(catalog, self._id, self._trainings, finished=False)
        catalog[CALLBACKS].load().add(self._log_epoch)

    @hook_impl
    @harmless
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Note which version of the data is used: a model's lineage."""
        if self._run and dataset_name == "atomic_files":
            self._use_data(self._run, data)

    @hook_impl
    @harmless
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Keep models as artifacts, results as tables."""
        if self._run is None:
            return
        if dataset_name.endswith(".weights"):
            self._log_model(self._run, dataset_name.removesuffix(".weights"), data)
        elif dataset_name in ("comparison", "differences") or dataset_name.endswith(".trials"):
            self._log_table(self._run, dataset_name, data)

    @hook_impl
    @harmless
    def after_pipeline_run(self) -> None:
        """Close the run: it went well."""
        self._close(0)

    @hook_impl
    @harmless
    def on_pipeline_error(self, error: Exception) -> None:
        """Close the run: it failed, or a signal stopped it."""
        self._close(getattr(error, "exit_code", 1))

    def _dataset(self) -> str:
        return dataset_name(self._catalog)

    def _choose_id(self, run_params: dict[str, Any]) -> str:
        """Kedro's run id, which is its versions' too; the interrupted run's if it is resumed."""
        if given := os.environ.get("WANDB_RUN_ID"):
            return given
        if self._parameters.resume and (
            before := find_interrupted(self._catalog, self._trainings)
        ):
            return before
        return str(run_params["run_id"]).replace(":", ".")

    @harmless
    def _log_epoch(self, event: EpochEnd) -> None:
        if self._run:
            self._run.log({f"{event.model}/{name}": value for name, value in event.row.items()})
            if event.best:
                self._run.summary[f"{event.model}/best_{event.metric}"] = event.score

    def _use_data(self, run: wandb.Run, files: Any) -> None:
        """Name the data by version, counts and ids; the interactions themselves stay here."""
        import wandb

        self._data_version = files.data_path.name
        facts = {"version": self._data_version, **files.stats}
        artifact = wandb.Artifact(f"{self._dataset()}-interactions", "dataset", metadata=facts)
        with artifact.new_file("stats.json", encoding="utf-8") as handle:
            json.dump(facts, handle, indent=1)
        if not run.offline:  # offline, a model's metadata names the version
            run.use_artifact(artifact)

    def _log_model(self, run: wandb.Run, model: str, data: Any) -> None:
        """Keep the folder of a model's weights."""
        import wandb

        facts = {**data.config, "data_version": self._data_version}
        artifact = wandb.Artifact(f"{self._dataset()}-{model}", "model", metadata=facts)
        dataset: Any = self._catalog[f"{model}.weights"]
        artifact.add_dir(str(dataset._get_load_path()))
        run.log_artifact(artifact)

    def _log_table(self, run: wandb.Run, name: str, data: Any) -> None:
        import wandb

        run.log({name: wandb.Table(dataframe=data)})
        if name == "comparison":
            for model, row in headline(data, self._parameters).iterrows():
                run.summary.update({f"{model}/test_{metric}": v for metric, v in row.items()})

    def _close(self, exit_code: int) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.finish(exit_code=exit_code)
        remember(self._catalog, self._id, self._trainings, finished=exit_code == 0)
        if run.offline:
            logger.info("W&B kept this run offline; `wandb sync %s` sends it", _shown(run))


def open_run(
    tracking: Tracking, mode: Mode, run_id: str, folder: Path, config: dict[str, Any]
) -> wandb.Run:
    """Open a run; without a network, an offline one, and say so.

    Args:
        tracking: Project and entity.
        mode: ``online`` or ``offline``.
        run_id: Goes on with this run if there is one.
        folder: Where W&B keeps its files.
        config: What the run is.
    """
    import wandb

    os.environ.pop("WANDB_MODE", None)  # `mode` has heeded it; an empty one is an error to W&B
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        os.environ.setdefault(name, str(folder / "wandb" / "cache"))
    (folder / "wandb").mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        silent=True,
        console="off",
        init_timeout=NO_NETWORK_SECONDS,
        # Remotes and command lines may hold secrets; provenance has the commit.
        disable_git=True,
        save_code=False,
        disable_job_creation=True,
        x_disable_meta=True,
    )
    options: dict[str, Any] = {
        "project": tracking.project,
        "entity": tracking.entity,
        "id": run_id,
        "name": run_id,
        "dir": str(folder),
        "resume": "allow",
        "config": config,
        "settings": settings,
    }
    try:
        run = wandb.init(mode=mode, **options)
    except wandb.errors.Error as error:
        logger.warning(
            "W&B is not reachable or refuses the key (%s): this run is kept offline",
            type(error).__name__,
        )
        wandb.teardown()  # its service still holds the run that did not open
        run = wandb.init(mode="offline", **options)
    for model in config:
        run.define_metric(f"{model}/*", step_metric=f"{model}/epoch")
    return run


def _folder(catalog: DataCatalog) -> Path:
    """Lie beside what the run writes, on the same volume."""
    folder: Path = catalog.load("wandb_files")
    return folder.parent  # W&B makes its `wandb` in the folder that it is given


def _shown(run: wandb.Run) -> str:
    place = Path(run.dir).parent
    return str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)

"""Which W&B run a training belongs to: a new one, or that of the training it resumes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline

from seqrec.engine.locks import one_at_a_time
from seqrec.parameter_tree import Parameters

TRACKED_RUN = "tracked_run"
"""The dataset that remembers, for each model, the W&B run of its last training."""

TRACKED_TAGS = {"training", "search", "evaluation"}


def is_tracked(pipeline: Pipeline) -> bool:
    """Tell whether a run learns or measures something: preparing data is no experiment."""
    return any(node.tags & TRACKED_TAGS for node in pipeline.nodes)


def describe_trainings(pipeline: Pipeline, parameters: Parameters, dataset: str) -> dict[str, str]:
    """Fingerprint what each training of a run learns, and from what.

    Args:
        pipeline: What will run.
        parameters: The run's.
        dataset: The interactions' name.

    Returns:
        A digest for each model that is trained; it is the same for a resumed training.
    """
    # torch and Ibis take seconds to import: only who trains waits for them here.
    from seqrec.tables.facts import facts_fingerprint
    from seqrec.training.state import MAY_CHANGE

    data = parameters.model_dump(mode="json", include={"data_processing", "source"})
    changing = {name.removeprefix("training.") for name in MAY_CHANGE}
    made = sorted(name for name in pipeline.all_outputs() if name.endswith(".weights"))
    found = {}
    for model in (name.removesuffix(".weights") for name in made):
        block = parameters.of(model)
        learned = block.model_dump(mode="json", exclude={"search": True, "training": changing})
        found[model] = facts_fingerprint({"dataset": dataset, **data, **learned})
    return found


def find_interrupted(catalog: DataCatalog, trainings: Mapping[str, str]) -> str | None:
    """Find the one W&B run in which these very trainings were begun and not finished.

    Args:
        catalog: Knows the last trainings' runs.
        trainings: From `describe_trainings`.
    """
    known = _read(catalog)
    runs = {
        known[model]["id"] if model in known and _is_unfinished(known[model], training) else None
        for model, training in trainings.items()
    }
    return runs.pop() if len(runs) == 1 else None


def remember(
    catalog: DataCatalog, run_id: str, trainings: Mapping[str, str], finished: bool
) -> None:
    """Note the W&B run of some trainings, and whether it went well."""
    if not trainings:
        return
    noted = {
        model: {"id": run_id, "training": training, "finished": finished}
        for model, training in trainings.items()
    }
    dataset: Any = catalog.get(TRACKED_RUN)
    lock = Path(str(dataset._filepath)).with_suffix(".lock")
    with one_at_a_time(lock, "W&B runs are being noted"):
        catalog.save(TRACKED_RUN, {**_read(catalog), **noted})


def _read(catalog: DataCatalog) -> dict[str, dict[str, Any]]:
    """Read what is known; a damaged file, or one of an earlier version, says nothing."""
    try:
        known = catalog.load(TRACKED_RUN) if catalog.exists(TRACKED_RUN) else {}
    except DatasetError:
        return {}
    return {model: run for model, run in known.items() if isinstance(run, dict)}


def _is_unfinished(run: dict[str, Any], training: str) -> bool:
    return run["training"] == training and not run["finished"]

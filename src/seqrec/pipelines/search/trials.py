"""Trials of a search, run by Optuna."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from seqrec.errors import ProjectError
from seqrec.parameters import Choice, Range, Runtime, Search, SearchableBlock
from seqrec.parameters.training import as_earlier
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.callbacks import EpochEnd
from seqrec.training.studies import StudyStore

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

logger = logging.getLogger(__name__)

Values = dict[str, dict[str, Any]]
"""Values by block (`model`, `training`) and parameter."""


def run_trials(
    name: str, files: AtomicFiles, fixed: SearchableBlock, runtime: Runtime, store: StudyStore
) -> pd.DataFrame:
    """Train with one set of values after another until there are enough, or time is up.

    Trials that fall behind the median of the earlier ones are stopped early, as is the one that
    runs when `search.minutes` are over; one that diverges counts as failed, and the search
    continues.

    Args:
        name: The model.
        files: Its data.
        fixed: Parameters that stay, and the `search` block.
        runtime: The machine.
        store: Holds the trials of earlier runs.

    Returns:
        model, trial, valid_metric, state, epochs, seconds and the values tried; a row per trial.

    Raises:
        ProjectError: There is nothing to search, or no trial came to its end.
    """
    from optuna.study import MaxTrialsCallback
    from optuna.trial import TrialState

    from seqrec.training.tally import DivergedError

    search = fixed.to_search(name)
    done = (TrialState.COMPLETE, TrialState.PRUNED)
    study = store.open(name, _identity(fixed, files))
    left = search.trials - len(study.get_trials(states=done))
    logger.info("%s: %d trials are done, %d to go", name, search.trials - left, max(left, 0))
    seconds = None if search.minutes is None else search.minutes * 60
    until = float("inf") if seconds is None else time.monotonic() + seconds
    if left > 0:
        study.optimize(
            lambda trial: _train(trial, name, files, fixed, runtime, until),
            timeout=seconds,
            callbacks=[MaxTrialsCallback(search.trials, done), _log],
            catch=(DivergedError,),
        )
    finished = study.get_trials(states=done)
    if not finished:
        raise ProjectError(
            f"no trial of {name} came to its end: narrow {name}.search.space or raise "
            f"{name}.search.minutes"
        )
    return pd.DataFrame([_row(name, trial) for trial in finished])


def _train(
    trial: Trial,
    name: str,
    files: AtomicFiles,
    fixed: SearchableBlock,
    runtime: Runtime,
    until: float,
) -> float:
    """Train once; the best validation is the trial's value.

    Args:
        trial: Of Optuna.
        name: The model.
        files: Its data.
        fixed: Parameters that stay, and the `search` block.
        runtime: The machine.
        until: When time is up, by `time.monotonic`.
    """
    import optuna

    from seqrec.recbole_bridge.api import train
    from seqrec.training.experiment import Experiment

    def report(event: EpochEnd) -> None:
        trial.report(event.score, event.epoch)
        if trial.should_prune() or time.monotonic() > until:
            raise optuna.TrialPruned

    search = fixed.to_search(name)
    chosen = _with(fixed, _suggest(trial, search))
    quiet = runtime.model_copy(update={"show_progress": False})
    short = {} if search.epochs is None else {"epochs": search.epochs}
    training = chosen.training.model_copy(update=short)
    experiment = Experiment(name, chosen.model, training, quiet)
    _, training_log = train(experiment, files, callback=report)
    return float(training_log[chosen.training.valid_metric].max())


def _suggest(trial: Trial, search: Search) -> Values:
    """Ask Optuna for a value of every searched parameter.

    The sampler is seeded by the trial's number: with one seed per process, a resumed search or a
    second process would try the same values again.
    """
    from optuna.samplers import TPESampler

    trial.study.sampler = TPESampler(seed=search.seed + trial.number)
    return {
        block: {name: _value(trial, f"{block}.{name}", space) for name, space in spaces.items()}
        for block, spaces in search.space.items()
    }


def _value(trial: Trial, name: str, space: Range | Choice) -> Any:
    if isinstance(space, Choice):
        return trial.suggest_categorical(name, space.choices)
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(name, space.low, space.high, log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def _with(fixed: SearchableBlock, values: Values) -> SearchableBlock:
    """Return the parameters with some values replaced, checked like any others."""
    merged = fixed.model_dump()
    for block, chosen in values.items():
        merged[block] |= chosen
    return type(fixed).model_validate(merged)


def _identity(fixed: SearchableBlock, files: AtomicFiles) -> dict[str, Any]:
    """Return what trials must share to be compared: everything but how many may be made.

    Searches of earlier versions go on.
    """
    values = fixed.model_dump(mode="json")
    values["training"] = as_earlier(values["training"])
    del values["search"]["trials"], values["search"]["minutes"]
    if values["search"]["epochs"] is None:
        del values["search"]["epochs"]
    return {**values, "data": files.stats}


def _log(study: Any, trial: FrozenTrial) -> None:
    state = trial.state.name.lower()
    value = "none" if trial.value is None else f"{trial.value:.4f}"
    logger.info("trial %d %s: %s with %s", trial.number, state, value, trial.params)


def _row(name: str, trial: FrozenTrial) -> dict[str, Any]:
    """Describe a trial; a stopped one by the best it had reached."""
    reached = trial.intermediate_values
    return {
        "model": name,
        "trial": trial.number,
        "valid_metric": max(reached.values()),
        "state": trial.state.name.lower(),
        "epochs": len(reached),
        "seconds": trial.duration.total_seconds() if trial.duration else float("nan"),
        **trial.params,
    }

"""What a training begins with: whose weights, and how many epochs where nothing is held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqrec.errors import ProjectError
from seqrec.parameters.base import spell
from seqrec.parameters.data import as_seconds
from seqrec.runs import SHOWN, Training, differences

ALL = "all"
"""`DataProcessing.split`: nothing is held out."""
_CUT = ("split", "valid_from", "test_from")
"""What of data_processing says which events are held out, not which there are."""


@dataclass(frozen=True)
class StartPlan:
    """What was chosen before a run.

    Attributes:
        warm_start: The version whose weights are taken over; None: weights are drawn.
        for_use: The fields of `seqrec.training.start.ForUse`; None where something is held out.
    """

    warm_start: str | None = None
    for_use: Mapping[str, Any] | None = None


def find_validated(
    kept: Sequence[Training], present: Mapping[str, Any], protocol: Mapping[str, Any]
) -> Training:
    """Find the training whose validation says how long to train where nothing is held out.

    Args:
        kept: Trainings of one model, oldest first.
        present: The present configuration's record.
        protocol: The present parameters of data_processing.

    Returns:
        The newest of the present configuration on the same events, some of them held out.

    Raises:
        ProjectError: There is none; says what to type.
    """
    fitting = [
        training
        for training in kept
        if training.best_score is not None
        and _same_events(training.protocol, protocol)
        and not differences(training.record, present)
    ]
    if fitting:
        return fitting[-1]
    name = present["name"]
    raise ProjectError(
        f"{name}: with data_processing.split=all nothing tells when to stop, and no training of "
        f"this configuration with held-out items is kept: train it first (kedro run --pipelines "
        f"data_processing,recbole_format,train_{name} with split=leave_one_out), or give "
        f"--params epochs_for_use.{name}=…"
    )


def check_epochs(name: str, epochs: int, training: Mapping[str, Any]) -> None:
    """Refuse more epochs than the schedule of the learning rate has.

    Raises:
        ProjectError: Names both numbers.
    """
    if training["schedule"] == "cosine" and epochs > training["epochs"]:
        raise ProjectError(
            f"epochs_for_use.{name}={epochs}: its learning rate has fallen to 0 after "
            f"{name}.training.epochs={training['epochs']}: give fewer, or raise that"
        )


def check_warm_start(
    kept: Sequence[Training],
    wanted: str,
    present: Mapping[str, Any],
    protocol: Mapping[str, Any],
) -> None:
    """Refuse to go on from a training that is not there, is of other data, or knows too much.

    Which items it knows is compared with the data when they are read.

    Args:
        kept: Trainings of the model, oldest first.
        wanted: The version.
        present: The present configuration's record.
        protocol: The present parameters of data_processing.

    Raises:
        ProjectError: Names the culprit, and what to type.
    """
    asked = f"{present['name']}.training.warm_start={wanted}"
    before = next((training for training in kept if training.version == wanted), None)
    if before is None:
        newest = ", ".join(training.version for training in reversed(kept[-SHOWN:]))
        raise ProjectError(
            f"{asked}: no such version is kept"
            + (f"; the newest are {newest}" if newest else f": train {present['name']} first")
        )
    network = differences({"model": before.record["model"]}, {"model": present["model"]})
    if network:
        raise ProjectError(
            f"{asked}: that version has another network ({', '.join(network)}): give it the same "
            "parameters, or train anew (leave warm_start out)"
        )
    if not _same_events(before.protocol, protocol):
        raise ProjectError(f"{asked}: {_other_data(before.protocol, protocol)}")
    _refuse_leak(before.protocol or {}, protocol, asked)


def _same_events(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> bool:
    """Tell whether two protocols make the same histories, whatever they hold out of them."""
    if theirs is None:
        return False
    return all(theirs.get(name, ours[name]) == ours[name] for name in ours if name not in _CUT)


def _other_data(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> str:
    if theirs is None:
        return "that version does not say how its data were made: train anew"
    name = next(n for n in ours if n not in _CUT and theirs.get(n, ours[n]) != ours[n])
    return (
        f"that version was trained on other data (data_processing.{name}={spell(theirs[name])}, "
        f"this run says {spell(ours[name])}): train anew (leave warm_start out), or make the data "
        "as they were"
    )


def _refuse_leak(theirs: Mapping[str, Any], ours: Mapping[str, Any], asked: str) -> None:
    """Refuse to measure a model that may have learned what is held out now.

    A user's last two events were not among those that a leave-one-out training learned, however
    many have been added since. Before a cut in time lies what lay before an earlier one.
    """
    split = ours["split"]
    if split == ALL:
        return
    if theirs.get("split") == split == "leave_one_out":
        return
    if theirs.get("split") == split == "temporal":
        cuts = (theirs["valid_from"], ours["valid_from"])
        if all(isinstance(cut, str) for cut in cuts) and as_seconds(cuts[0]) <= as_seconds(
            cuts[1]
        ):
            return
        raise ProjectError(
            f"{asked}: that version may have learned what is held out now: with split=temporal, "
            "valid_from must be a date in both, and not an earlier one now (quantiles move with "
            "the data)"
        )
    raise ProjectError(
        f"{asked}: that version was trained with data_processing.split={theirs.get('split')} and "
        f"has learned events that split={split} holds out: its figures would be worth nothing; go "
        "on from a version of the same split, or use split=all"
    )

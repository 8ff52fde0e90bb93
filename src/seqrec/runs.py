"""Which training of a model counts: several are kept, and none stands in for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqrec.errors import ProjectError

PRESENT, LATEST, BEST = "present", "latest", "best"
SHOWN = 4
"""Trainings named in a message."""


@dataclass(frozen=True)
class Training:
    """A training that is kept.

    Attributes:
        version: Kedro's version, the id of the run that made it.
        record: What was trained: name, model, training, as in `Experiment.record`.
        data: Fingerprint of the data it was trained on; None in files of earlier versions.
        best_score: Its best validation; None in files of earlier versions.
        protocol: The parameters of data_processing; None in files of earlier versions.
        ids: Fingerprint of the ids of users and items.
    """

    version: str
    record: Mapping[str, Any]
    data: str | None = None
    best_score: float | None = None
    protocol: Mapping[str, Any] | None = None
    ids: str | None = None

    @classmethod
    def from_config(cls, version: str, config: Mapping[str, Any]) -> Training:
        """Read what a model's ``config.json`` says."""
        record = {name: config.get(name) for name in ("name", "model", "training")}
        known = {name: config.get(name) for name in ("data", "best_score", "protocol", "ids")}
        return cls(version, record, **known)


@dataclass(frozen=True)
class Data:
    """The present data.

    Attributes:
        fingerprint: What was held out for whom; None if this run makes the data anew.
        protocol: The present parameters of data_processing.
    """

    fingerprint: str | None
    protocol: Mapping[str, Any]


def choose(
    kept: Sequence[Training],
    wanted: str,
    present: Mapping[str, Any],
    data: Data,
    parameter: str | None = None,
) -> Training:
    """Choose the training that counts.

    Args:
        kept: Trainings of one model, oldest first.
        wanted: ``present``: the newest of the present configuration on the present data;
            ``latest``; ``best``: by validation, on the present data; or a version.
        present: The present configuration's record.
        data: The present data.
        parameter: How another one is chosen; None for ``runs.<model>=``.

    Raises:
        ProjectError: Names what was found, and what to type.
    """
    name = present["name"]
    if wanted == LATEST and kept:
        return kept[-1]
    if wanted == BEST:
        scored = [x for x in kept if is_on(x, data) and x.best_score is not None]
        if scored:
            return max(scored, key=lambda training: training.best_score or 0.0)
    elif wanted == PRESENT:
        fitting = [x for x in kept if is_on(x, data) and _same(x.record, present)]
        if fitting:
            return fitting[-1]
    else:
        named = [x for x in kept if x.version == wanted]
        if named:
            return named[-1]
    others = _others(kept, present, data)
    chosen_by = parameter or f"runs.{name}="
    raise ProjectError(_refusal(name, wanted, others, chosen_by))


def differences(record: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """List what a training's parameters have that others have not, as ``name=value``.

    Args:
        record: A training's.
        usual: What it is compared with; a parameter that one of them lacks counts only if the
            record has another value than the other's.
    """
    return [
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for part in ("model", "training")
        for name, value in (record.get(part) or {}).items()
        if (usual.get(part) or {}).get(name, value) != value
    ]


def _same(record: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Compare configurations; parameters that came later have their defaults in earlier files."""
    return not differences(record, present)


def is_on(training: Training, data: Data) -> bool:
    """Tell whether a training is of the present data.

    They are compared by fingerprint, or by protocol before there is one to compare. What is not
    known of files of earlier versions is checked when tables are compared.
    """
    if None not in (training.data, data.fingerprint):
        return training.data == data.fingerprint
    return training.protocol in (None, data.protocol)


def _refusal(name: str, wanted: str, others: Sequence[str], chosen_by: str) -> str:
    what = {PRESENT: "the present configuration and data", BEST: "the present data"}
    asked = f"no training of {what[wanted]}" if wanted in what else f"no training {wanted}"
    train = f"train it (kedro run --pipelines train_{name})"
    if not others:
        return f"{name}: {asked} is kept: {train}"
    return (
        f"{name}: {asked} is kept, but {len(others)} others: {'; '.join(others[:SHOWN])}. Choose "
        f"one with --params {chosen_by}latest, best or a version, give its parameters, or {train}"
    )


def _others(kept: Sequence[Training], present: Mapping[str, Any], data: Data) -> list[str]:
    """Describe what is kept, the newest first."""
    return [_describe(training, present, data) for training in reversed(kept)]


def _describe(training: Training, present: Mapping[str, Any], data: Data) -> str:
    changes = differences(training.record, present)
    if not is_on(training, data):
        changes.append("other data")
    return f"{training.version} ({', '.join(changes) or 'the same parameters'})"

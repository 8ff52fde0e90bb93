"""Which training of a model counts: several are kept, and none stands in for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqrec.errors import ProjectError
from seqrec.parameters.training import EARLIER_MEANING

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
    """

    version: str
    record: Mapping[str, Any]
    data: str | None = None
    best_score: float | None = None
    protocol: Mapping[str, Any] | None = None

    @classmethod
    def from_config(cls, version: str, config: Mapping[str, Any]) -> Training:
        """Read what a model's ``config.json`` says."""
        record = {name: config.get(name) for name in ("name", "model", "training")}
        if record["training"]:
            record["training"] = {**EARLIER_MEANING, **record["training"]}
        return cls(
            version, record, config.get("data"), config.get("best_score"), config.get("protocol")
        )


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
    kept: Sequence[Training], wanted: str, present: Mapping[str, Any], data: Data
) -> Training:
    """Choose the training that counts.

    Args:
        kept: Trainings of one model, oldest first.
        wanted: ``present``: the newest of the present configuration on the present data;
            ``latest``; ``best``: by validation, on the present data; or a version.
        present: The present configuration's record.
        data: The present data.

    Raises:
        ProjectError: Names what was found, and what to type.
    """
    name = present["name"]
    if wanted == LATEST and kept:
        return kept[-1]
    if wanted == BEST:
        scored = [x for x in kept if _same_data(x, data) and x.best_score is not None]
        if scored:
            return max(scored, key=lambda training: training.best_score or 0.0)
    elif wanted == PRESENT:
        fitting = [x for x in kept if _same_data(x, data) and _same(x.record, present)]
        if fitting:
            return fitting[-1]
    else:
        named = [x for x in kept if x.version == wanted]
        if named:
            return named[-1]
    raise ProjectError(_refusal(kept, wanted, present, data, name))


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


def _same_data(training: Training, data: Data) -> bool:
    """Compare data by fingerprint, or by protocol before there is one to compare.

    What is not known of files of earlier versions is checked when tables are compared.
    """
    if None not in (training.data, data.fingerprint):
        return training.data == data.fingerprint
    return training.protocol in (None, data.protocol)


def _refusal(
    kept: Sequence[Training],
    wanted: str,
    present: Mapping[str, Any],
    data: Data,
    name: str,
) -> str:
    what = {PRESENT: "the present configuration and data", BEST: "the present data"}
    asked = f"no training of {what[wanted]}" if wanted in what else f"no training {wanted}"
    train = f"train it (kedro run --pipelines train_{name})"
    if not kept:
        return f"{name}: {asked} is kept: {train}"
    others = "; ".join(_describe(x, present, data) for x in reversed(kept[-SHOWN:]))
    return (
        f"{name}: {asked} is kept, but {len(kept)} others: {others}. Choose one with --params "
        f"runs.{name}=latest, best or a version, give its parameters, or {train}"
    )


def _describe(training: Training, present: Mapping[str, Any], data: Data) -> str:
    changes = differences(training.record, present)
    if not _same_data(training, data):
        changes.append("other data")
    return f"{training.version} ({', '.join(changes) or 'the same parameters'})"

"""The trainings that an ensemble averages are there, and belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqrec.errors import ProjectError
from seqrec.runs import BEST, PRESENT, Data, Training, choose, differences, is_on
from seqrec.tables.facts import facts_fingerprint

SEEDS, ALL = "seeds", "all"
PARAMETER = "ensemble.members"


@dataclass(frozen=True)
class Member:
    """A training that an ensemble averages."""

    model: str
    training: Training

    def __str__(self) -> str:
        """Name it as the parameter does."""
        return f"{self.model}@{self.training.version}"


@dataclass(frozen=True)
class Kept:
    """What an ensemble can be made of.

    Attributes:
        trainings: Lists a model's trainings, oldest first.
        present: Returns a model's present configuration, as in `Experiment.record`.
        runs: Which training of a model counts where nothing else is said.
        data: The present data.
    """

    trainings: Callable[[str], Sequence[Training]]
    present: Callable[[str], Mapping[str, Any]]
    runs: Mapping[str, str]
    data: Data


def choose_members(wanted: Sequence[str], kept: Kept) -> list[Member]:
    """Choose the trainings that an ensemble averages.

    Args:
        wanted: As `seqrec.parameters.Ensemble.members` has them.
        kept: What there is.

    Raises:
        ProjectError: One is not there, is there twice or is of other data, or there is only one.
    """
    members = [member for entry in wanted for member in _expand(entry, kept)]
    for member in members:
        _refuse_other_data(member, kept.data)
    _refuse_differing(members)
    _refuse_twice(members)
    if len(members) == 1:
        raise ProjectError(
            f"{PARAMETER}: {members[0]} alone is no ensemble: name another model, or "
            f"{_another_seed(members[0].model)}"
        )
    return members


def _expand(entry: str, kept: Kept) -> list[Member]:
    """Return the trainings that an entry of the parameter means."""
    model, _, wanted = entry.partition("@")
    trainings = kept.trainings(model)
    present = kept.present(model)
    parameter = f"{PARAMETER}={model}@" if wanted else None
    if wanted in (SEEDS, ALL):
        found = _newest_of_each(trainings, kept.data)
        if wanted == SEEDS:
            found = [training for training in found if _differs_in_seed(training, present)]
        if found:
            return [Member(model, training) for training in found]
        wanted = PRESENT if wanted == SEEDS else BEST  # refused: nothing fits
    wanted = wanted or kept.runs.get(model, PRESENT)
    return [Member(model, choose(trainings, wanted, present, kept.data, parameter))]


def _newest_of_each(trainings: Sequence[Training], data: Data) -> list[Training]:
    """Take the newest training of each configuration and seed on the present data."""
    newest = {facts_fingerprint(dict(x.record)): x for x in trainings if is_on(x, data)}
    return [training for training in trainings if training in newest.values()]


def _differs_in_seed(training: Training, present: Mapping[str, Any]) -> bool:
    """Tell whether a training has the present configuration, its seed aside."""
    changes = differences(training.record, present)
    return all(change.startswith("seed=") for change in changes)


def _refuse_other_data(member: Member, data: Data) -> None:
    if not is_on(member.training, data):
        raise ProjectError(
            f"{PARAMETER}: {member} was trained on other data than is there now "
            f"(data {member.training.data or 'unknown'}, now {data.fingerprint or 'made anew'}): "
            f"leave it out, or train {member.model} on the present data "
            f"(kedro run --pipelines train_{member.model})"
        )


def _refuse_differing(members: Sequence[Member]) -> None:
    """Refuse members of which the first was trained on other data, users or items."""
    first, *others = members
    for member in others:
        ours = (first.training.data, first.training.ids)
        theirs = (member.training.data, member.training.ids)
        if any(None not in pair and len(set(pair)) > 1 for pair in zip(ours, theirs, strict=True)):
            raise ProjectError(
                f"{PARAMETER}: {first} and {member} were trained on different data, users or "
                "items: leave one out, or train both on the present data"
            )


def _refuse_twice(members: Sequence[Member]) -> None:
    seen: dict[tuple[str, str], Member] = {}
    for member in members:
        same = (member.model, facts_fingerprint(dict(member.training.record)))
        before = seen.setdefault(same, member)
        if before is not member:
            alike = "" if before == member else f" and {before} are the same training and"
            count = "is there twice" if before == member else "would count twice"
            raise ProjectError(
                f"{PARAMETER}: {member}{alike} {count}: leave one out, or "
                f"{_another_seed(member.model)}"
            )


def _another_seed(model: str) -> str:
    return (
        f"train another seed (kedro run --pipelines train_{model} --params "
        f"{model}.training.seed=…)"
    )

"""Several trained models ranked, and asked for lists, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from seqrec.histories.held_out import HeldOutLoader
from seqrec.model_registry import MODELS
from seqrec.models.artifact import KeptTraining
from seqrec.parameters import Recommend, Runtime
from seqrec.ranking.ensemble import Ensemble, EnsembleLoader
from seqrec.ranking.held_out import rank_held_out
from seqrec.ranking.lists import list_best_items, loaders_by_moment
from seqrec.recbole_bridge.api import Assembly, experiment_of, ids_of, load
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.facts import FACTS, LISTS, MEMBERS, facts_fingerprint


@dataclass(frozen=True)
class Assemblies:
    """The members of an ensemble, each with the data as it reads them.

    Attributes:
        members: At least one; all of them in memory.
    """

    members: Sequence[Assembly]

    @property
    def model(self) -> Ensemble:
        """The members as one model."""
        n_items = self.members[0].feed.n_items
        models = [member.recommender for member in self.members]
        return Ensemble(models, self.uses_time, n_items)

    @property
    def uses_time(self) -> list[bool]:
        """Of each member, whether intervals change its scores."""
        return [MODELS[member.feed.experiment.name].uses_time for member in self.members]

    def together(self, loaders: Sequence[HeldOutLoader]) -> EnsembleLoader:
        """Make one loader of the members'."""
        return EnsembleLoader(loaders, self.uses_time)


def rank_ensemble(
    members: Sequence[KeptTraining], files: AtomicFiles, runtime: Runtime
) -> pd.DataFrame:
    """Rank every user's test item by the mean of the members' log-probabilities.

    Args:
        members: Trained models.
        files: The atomic files they were trained on.
        runtime: The machine.

    Returns:
        The same table that a single model's ranks have; its facts name the members.

    Raises:
        ProjectError: A member was trained on other data.
    """
    parts = _load(members, files, runtime)
    loaders = [HeldOutLoader(member.feed, c.TEST, c.KNOWN) for member in parts.members]
    tokens = parts.members[0].dataset.field2id_token
    ranks = rank_held_out(parts.model, parts.together(loaders), any(parts.uses_time), tokens)
    ranks.attrs[FACTS] = _facts_of(members)
    return ranks


def recommend_by_ensemble(
    members: Sequence[KeptTraining], files: AtomicFiles, runtime: Runtime, options: Recommend
) -> pd.DataFrame:
    """List the k best items that a user has not seen, for each moment.

    Args:
        members: Trained models.
        files: The atomic files they were trained on.
        runtime: The machine.
        options: How many, for whom, when.

    Returns:
        user_id, moment, place (from 1), item_id, score: a mean log-probability.

    Raises:
        ProjectError: A user is not in the data, or a member was trained on other data.
    """
    parts = _load(members, files, runtime)
    dataset = parts.members[0].dataset
    users = ids_of(dataset, options.users)
    each = [loaders_by_moment(member.feed, users, options) for member in parts.members]
    loaders = {moment: parts.together([own[moment] for own in each]) for moment in options.moments}
    lists = list_best_items(parts.model, loaders, options, dataset.field2id_token)
    how = {"users": len(users), "k": options.k, "exclude_seen": options.exclude_seen}
    lists.attrs[FACTS] = {**_facts_of(members), LISTS: how}
    return lists


def _load(members: Sequence[KeptTraining], files: AtomicFiles, runtime: Runtime) -> Assemblies:
    return Assemblies([load(member.artifact, files, runtime) for member in members])


def _facts_of(members: Sequence[KeptTraining]) -> dict[str, Any]:
    """Say which trainings were averaged, and on which data they were trained."""
    named = [_describe(member) for member in members]
    data = {member.artifact.config.get("data") for member in members}
    return {MEMBERS: named, "data": data.pop() if len(data) == 1 else None}


def _describe(member: KeptTraining) -> dict[str, Any]:
    experiment = experiment_of(member.artifact.config)
    return {
        **experiment,
        "version": member.version,
        "fingerprint": facts_fingerprint(experiment),
    }

"""The data that a run reads is what its parameters say, and its files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.datasets.versions import ManifestDataset
from seqrec.errors import ProjectError
from seqrec.parameters.base import spell
from seqrec.tables.facts import FINGERPRINT

INTERACTIONS = "interactions@ibis"
ATOMIC_FILES = "atomic_files"
STATS = "interaction_stats"
RATINGS = "ratings"
MATTERS_TO_RATINGS = ("min_rating", "tie_policy")
"""Parameters of data_processing that ratings depend on; everything later depends on all."""

PROTOCOL = "protocol"
"""Fact of an artefact: the parameters of data_processing."""
MADE_FROM = "interactions"
"""Fact of the atomic files: the version of the interactions."""


def check_protocol(pipeline: Pipeline, catalog: DataCatalog, present: Mapping[str, Any]) -> None:
    """Refuse data that was made with other parameters of data_processing than this run has.

    Args:
        pipeline: What will run.
        catalog: Its datasets.
        present: The parameters of data_processing.

    Raises:
        ProjectError: Names a parameter, both values and what to type.
    """
    for name in sorted(pipeline.inputs()):
        if not name.startswith((MADE_FROM, ATOMIC_FILES)) and name not in (STATS, RATINGS):
            continue
        made_with = facts_of(catalog, name).get(PROTOCOL) or {}
        others = {
            parameter: value
            for parameter, value in made_with.items()
            if (name != RATINGS or parameter in MATTERS_TO_RATINGS)
            and parameter in present
            and present[parameter] != value
        }
        if others:
            raise ProjectError(f"{name.split('@')[0]} {_refusal(others, present)}")


def _refusal(made_with: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Say how the data were made and what to type: whether they or the parameters are meant."""
    spelt = [f"data_processing.{name}={spell(value)}" for name, value in made_with.items()]
    first = next(iter(made_with))
    more = f", and {len(spelt) - 1} more parameters differ" if len(spelt) > 1 else ""
    return (
        f"were made with {spelt[0]}, this run says {spell(present[first])}{more}: to use them, "
        f"add {','.join(spelt)} to --params; to make them anew, run the pipelines "
        "data_processing,recbole_format with this run's parameters"
    )


def check_atomic_files(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse atomic files that were made from other interactions than are there now.

    Raises:
        ProjectError: Names both fingerprints and the remedy.
    """
    if ATOMIC_FILES not in pipeline.inputs() or not catalog.exists(INTERACTIONS):
        return
    facts = facts_of(catalog, ATOMIC_FILES)
    dataset: Any = catalog.get(INTERACTIONS)
    if not facts.get(FINGERPRINT) or facts.get(MADE_FROM) == latest_version(dataset):
        return
    now = _fingerprint(dataset)
    if now != facts[FINGERPRINT]:
        raise ProjectError(
            f"atomic_files were made from other interactions (data {facts[FINGERPRINT]}) than "
            f"are there now (data {now}): run `kedro run --pipelines recbole_format` first"
        )


def present_fingerprint(pipeline: Pipeline, catalog: DataCatalog) -> str | None:
    """Return the fingerprint of the data that a run reads; None if it makes them anew.

    Args:
        pipeline: What will run.
        catalog: Its datasets.
    """
    made = pipeline.all_outputs()
    if INTERACTIONS in made or ATOMIC_FILES in made:
        return None
    if catalog.exists(ATOMIC_FILES):
        known = facts_of(catalog, ATOMIC_FILES).get(FINGERPRINT)
        if known:
            return str(known)
    dataset: Any = catalog.get(INTERACTIONS)
    return _fingerprint(dataset) if catalog.exists(INTERACTIONS) else None


def _fingerprint(interactions: Any) -> str:
    # Ibis takes a second to import: only who compares data waits for it.
    from seqrec.tables.fingerprint import data_fingerprint

    return data_fingerprint(interactions.load())


def facts_of(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what a dataset's present version came from; nothing if it is not known."""
    dataset = catalog.get(name)
    if not isinstance(dataset, ManifestDataset) or not catalog.exists(name):
        return {}
    return dataset.facts()


def latest_version(dataset: ManifestDataset[Any, Any]) -> str | None:
    """Return the version that would be loaded."""
    return dataset.resolve_load_version()

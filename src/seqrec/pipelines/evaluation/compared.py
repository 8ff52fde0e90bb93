"""Which trainings a comparison is of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seqrec.model_registry import title_of
from seqrec.pipelines.evaluation.ensemble import describe_members, shown
from seqrec.record import RECORD
from seqrec.runs import differences
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.facts import FACTS, FINGERPRINT, MEMBERS, facts_fingerprint

PROTOCOL = "protocol"
"""The parameters of data_processing, in facts."""


def read_stats(atomic_files: AtomicFiles) -> dict[str, Any]:
    """Return the statistics of the data that this run compares models on.

    They lie beside the files, in a version; `interaction_stats` may be a later run's by now.

    Args:
        atomic_files: RecBole's files.
    """
    return atomic_files.stats


def describe_compared(
    interaction_stats: dict[str, Any], provenance: dict[str, Any], **metrics: pd.DataFrame
) -> dict[str, Any]:
    """Say of each model which training it is, and how that differs from the one of record.

    Args:
        interaction_stats: Facts about the data.
        provenance: Facts about the run; `record` is from `configuration_of_record`.
        **metrics: Per-user metrics by model, with what is known of their origin.

    Returns:
        `data`: fingerprint of the data; `protocol`: the parameters it was made with; `models`:
        title, seed, version, fingerprint and differences of each that is trained, and the members
        of an ensemble. What is not known is None.
    """
    record = provenance.get(RECORD)
    facts = {name: table.attrs.get(FACTS, {}) for name, table in shown(metrics).items()}
    return {
        "data": interaction_stats.get(FINGERPRINT) or _known(facts, "data"),
        "protocol": interaction_stats.get(PROTOCOL) or _known(facts, PROTOCOL),
        "models": [
            _describe(name, its, record.get(name) if record else None)
            for name, its in facts.items()
            if its.get("experiment") or its.get(MEMBERS)
        ],
    }


def _known(facts: dict[str, dict[str, Any]], fact: str) -> Any:
    """Take a fact from the first that knows it: the models were compared on the same data."""
    return next((its[fact] for its in facts.values() if its.get(fact)), None)


def _describe(name: str, facts: dict[str, Any], usual: dict[str, Any] | None) -> dict[str, Any]:
    members = facts.get(MEMBERS, [])
    experiment = facts.get("experiment", {})
    changes = None if usual is None else differences(experiment, usual)
    return {
        "model": title_of(name),
        "seed": experiment.get("training", {}).get("seed"),
        "version": facts.get("version") or facts.get("run"),
        "fingerprint": facts_fingerprint(experiment or {MEMBERS: members}),
        "differs": changes and [change for change in changes if not change.startswith("seed=")],
        "members": describe_members(members),
    }

"""Trainings as rows: which belong together, and what each came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from seqrec.metrics.ranking import metric_table
from seqrec.model_registry import ensemble_title
from seqrec.parameters import Evaluation
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS, MEMBERS
from seqrec.tables.protocols import at_headline
from seqrec.tables.trained_models import TrainedModel

# What says how long a training may take, not what is learned.
_SILENT = {"seed", "epochs", "early_stopping"}

COSTS = {
    "epochs": "mean",
    "seconds": "mean",
    "memory_gib": "mean",
    "largest_gradient_norm": "max",
}
"""What a training took, and how several of a model are summed up."""


def label(model: TrainedModel, usual: dict[str, Any]) -> str:
    """Name a training by its model and by what differs from the environment's parameters.

    An ensemble is named by its members, those with the same name counted.

    Args:
        model: The training.
        usual: The environment's parameters of every model, defaults included: what is left to a
            default there can still differ here.
    """
    members = model.target_ranks.attrs.get(FACTS, {}).get(MEMBERS)
    if not members:
        return _label(model.name, model.config, usual)
    counts = Counter(_label(member["name"], member, usual) for member in members)
    made_of = (name if count == 1 else f"{count} × {name}" for name, count in counts.items())
    return f"{ensemble_title(len(members))} ({', '.join(made_of)})"


def _label(model: str, config: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    own = usual.get(model, {})
    changes = [
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for part in ("model", "training")
        for name, value in config.get(part, {}).items()
        if name not in _SILENT and own[part].get(name) != value
    ]
    return model + (f" ({', '.join(changes)})" if changes else "")


def same_data(model: TrainedModel, interactions: pd.DataFrame) -> bool:
    """Return whether a training was tested on exactly these held-out items."""
    test = interactions[interactions[c.SPLIT] == c.TEST].set_index(c.USER)[c.ITEM]
    held_out = model.target_ranks.drop_duplicates(c.USER).set_index(c.USER)[c.ITEM]
    return len(test) == len(held_out) and bool((held_out.reindex(test.index) == test).all())


def as_rows(model: TrainedModel, name: str, evaluation: Evaluation) -> pd.DataFrame:
    """Lay a training out: a row per user at the headline protocol.

    Args:
        model: The training.
        name: Its label.
        evaluation: Cutoffs and the headline protocol.
    """
    headline = at_headline(model.target_ranks, evaluation)
    chosen = headline.sort_values(c.USER, ignore_index=True)
    values = metric_table(chosen[c.RANK].to_numpy(), evaluation.cutoffs)
    facts = {c.MODEL: name, "run": model.version, c.SEED: _seed(model), **_costs(model)}
    columns = pd.DataFrame(facts, index=chosen.index)
    return pd.concat([chosen[[c.USER]], columns, values], axis="columns")


def _seed(model: TrainedModel) -> int:
    return int(model.config.get("training", {}).get("seed", 0))


def _costs(model: TrainedModel) -> dict[str, float]:
    """Say what a training took, and the largest gradient it met."""
    log = model.training_log
    if log is None:
        return dict.fromkeys(COSTS, 0.0)
    return {
        "epochs": len(log),
        "seconds": (log["train_seconds"] + log["valid_seconds"]).sum(),
        "memory_gib": log["memory_gib"].max(),
        "largest_gradient_norm": log["largest_gradient_norm"].max(),
    }

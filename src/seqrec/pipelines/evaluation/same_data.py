"""A comparison takes ranks of the same held-out items, from models trained on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS, RANKERS, title_of
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS, LENGTH


def describe_ranks(target_ranks: pd.DataFrame) -> dict[str, Any]:
    """Say what ranks were made from, and which items they are of.

    Args:
        target_ranks: A row per user and protocol; `attrs` say what is known of their origin.

    Returns:
        The facts in `attrs`, and `held_out`: a hash of which item is held out for whom.
    """
    asked = target_ranks[[c.USER, c.ITEM]].drop_duplicates()
    hashes = pd.util.hash_pandas_object(asked.astype(str), index=False)
    held_out = f"{int(hashes.sum()) % 2**64:0{LENGTH}x}"
    return {**target_ranks.attrs.get(FACTS, {}), "held_out": held_out}


def check_same_data(metrics: Mapping[str, pd.DataFrame]) -> None:
    """Refuse metrics that do not belong together.

    What was ranked without training is computed from the present interactions: the others are
    held against it.

    Args:
        metrics: Per-user metrics by model, with the facts of `describe_ranks`.

    Raises:
        ProjectError: Names the model whose held-out items or training data differ.
    """
    facts = {name: table.attrs.get(FACTS, {}) for name, table in metrics.items()}
    present = next((facts[name] for name in facts if name in RANKERS), None)
    present = present or next(iter(facts.values()))
    for name, its in facts.items():
        if _differ(its, present, "held_out") or _differ(its, present, "data"):
            raise ProjectError(
                f"{title_of(name)} was trained or ranked on other data than is there now "
                f"(data {its.get('data', 'unknown')}, now {present.get('data', 'unknown')}): "
                f"their figures cannot be compared; {_remedy(name)}"
            )


def _remedy(name: str) -> str:
    """Say how to get figures that can be compared."""
    if name in MODELS:
        return f"train it on the present data (kedro run --pipelines train_{name},evaluation)"
    return "make its ranks anew (kedro run --pipelines ensemble,evaluation)"


def _differ(its: Mapping[str, Any], present: Mapping[str, Any], fact: str) -> bool:
    """Compare a fact that both know; files of earlier versions know less."""
    return its.get(fact) != present.get(fact) and None not in (its.get(fact), present.get(fact))

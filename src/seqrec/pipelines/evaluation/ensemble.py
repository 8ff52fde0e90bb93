"""The ensemble beside the models: there or not, named by its size, described by its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seqrec.model_registry import ENSEMBLE, ensemble_title, title_of
from seqrec.tables.facts import FACTS, MEMBERS


def shown(metrics: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Leave the ensemble out if there is none, and name it by its size if there is one.

    Args:
        metrics: Per-user metrics by model; the ensemble's have no rows if there is none.
    """
    return {
        _name(name, table): table
        for name, table in metrics.items()
        if name != ENSEMBLE or not table.empty
    }


def _name(name: str, table: pd.DataFrame) -> str:
    return ensemble_title(len(table.attrs[FACTS][MEMBERS])) if name == ENSEMBLE else name


def describe_members(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the members of an ensemble as a reader knows them.

    Args:
        members: From the ensemble's facts.

    >>> describe_members([{"name": "toy", "training": {"seed": 7}, "version": "v1"}])
    ['toy, seed 7, v1']
    """
    return [
        f"{title_of(member['name'])}, seed {member['training'].get('seed')}, {member['version']}"
        for member in members
    ]

"""The comparison as cells of one table: metrics and models down, protocols across."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seqrec.model_registry import RANKERS, title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines.evaluation.tables import shown_metrics
from seqrec.tables import columns as c
from seqrec.tables.facts import is_of_one_user
from seqrec.tables.protocols import at


def baseline_of(comparison: pd.DataFrame, evaluation: Evaluation) -> str:
    """Name what lifts are relative to: the untrained baseline, or the reference without one.

    Args:
        comparison: A row per model, protocol and metric.
        evaluation: `reference`.
    """
    shown = set(comparison[c.MODEL])
    return next((name for name in RANKERS if name in shown), evaluation.reference)


def result_groups(comparison: pd.DataFrame, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Lay the comparison out.

    Args:
        comparison: A row per model, protocol and metric.
        evaluation: Cutoffs and the reference.

    Returns:
        Of each metric its name and rows: a model's title, and a cell per protocol in the order of
        `protocols`, with mean, interval, lift over the baseline, and whether it is the best.
    """
    baseline = baseline_of(comparison, evaluation)
    one_user = is_of_one_user(comparison)
    models = list(comparison[c.MODEL].unique())
    groups = []
    for metric in shown_metrics(evaluation):
        values = comparison[comparison["metric"] == metric].set_index(c.MODEL)
        columns = [
            cells_of(at(values, *asked), one_user, baseline) for asked in protocols(comparison)
        ]
        rows = [
            {"model": title_of(model), "cells": [column[model] for column in columns]}
            for model in models
        ]
        groups.append({"metric": metric, "rows": rows})
    return groups


def protocols(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    """List the protocols that were asked for, in the order of their columns."""
    asked = set(zip(comparison[c.MASK], comparison[c.QUERY_TIME], strict=True))
    every = ((mask, query_time) for mask in c.MASKS for query_time in c.QUERY_TIMES)
    return [protocol for protocol in every if protocol in asked]


def cells_of(
    values: pd.DataFrame, one_user: bool, baseline: str | None = None
) -> dict[str, dict[str, Any]]:
    """Write a column of values, by model.

    Args:
        values: mean, low and high by model.
        one_user: Whether they are one user's, and have no interval.
        baseline: The model that lifts are relative to; None for no lifts.
    """
    best = values["mean"].max()
    base = values["mean"].get(baseline, 0.0) if baseline else 0.0
    return {
        str(model): {
            "mean": f"{row['mean']:.4f}",
            "interval": f"{row['low']:.3f}–{row['high']:.3f}" if not one_user else "",
            "lift": _lift(row["mean"], base) if base and model != baseline else "",
            "best": row["mean"] == best,
        }
        for model, row in values.iterrows()
    }


def _lift(mean: float, base: float) -> str:
    """Say how much more a mean is than the baseline's.

    >>> _lift(0.15, 0.1), _lift(0.05, 0.1)
    ('+50%', '−50%')
    """
    return f"{mean / base - 1:+.0%}".replace("-", "−")

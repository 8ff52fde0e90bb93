"""The comparison in words and in a table, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.console import JustifyMethod
from rich.table import Table

from seqrec.metrics.statistics import ONE_USER
from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines._coverage import coverage_of
from seqrec.tables import columns as c
from seqrec.tables.facts import is_of_one_user
from seqrec.tables.protocols import at, at_headline

ONE_TRAINING = (
    "There is one training of each model: another seed may fall outside these intervals. "
    "kedro run --pipelines leaderboard compares several."
)


def shown_metrics(evaluation: Evaluation) -> list[str]:
    """List the table's columns: every metric at the largest cutoffs that fit."""
    ks = [k for k in evaluation.cutoffs if k > 1][-2:] or list(evaluation.cutoffs)
    return [f"{name}@{k}" for name in ("HR", "NDCG", "MRR") for k in ks]


def fewer_metrics(evaluation: Evaluation) -> list[list[str]]:
    """List what a table may show, for narrower and narrower screens."""
    headline = [f"{name}@{_headline_cutoff(evaluation)}" for name in ("HR", "NDCG", "MRR")]
    return [shown_metrics(evaluation), headline, headline[1:2]]


def comparison_table(
    comparison: pd.DataFrame, evaluation: Evaluation, metrics: Sequence[str]
) -> Table:
    """Lay out the headline protocol and the unmasked one, a row per model each.

    Args:
        comparison: A row per model, protocol and metric.
        evaluation: Which protocol is the headline.
        metrics: Which columns there are.
    """
    one_user = is_of_one_user(comparison)
    half = f"mean over users; ± half the {evaluation.confidence:.0%} bootstrap interval"
    table = Table(
        title=f"Held-out test items, full ranking, query time {evaluation.headline_query_time}",
        caption=ONE_USER if one_user else half,
    )
    for name in ("model", "history", *metrics):
        justify: JustifyMethod = "left" if name in ("model", "history") else "right"
        table.add_column(name, justify=justify, no_wrap=True)
    for mask in c.MASKS:
        chosen = at(comparison, mask, evaluation.headline_query_time)
        for model, rows in chosen.groupby(c.MODEL, sort=False):
            by_metric = rows.set_index("metric")
            cells = [_with_error(by_metric.loc[[metric]].iloc[0], one_user) for metric in metrics]
            table.add_row(title_of(str(model)), mask, *cells)
        table.add_section()
    return table


def verdict(differences: pd.DataFrame, evaluation: Evaluation) -> list[str]:
    """Say which model is better, by how much, and whether that is noise.

    Args:
        differences: A row per pair of models, protocol and metric.
        evaluation: Which protocol is the headline.
    """
    headline = at_headline(differences, evaluation)
    chosen = headline[headline["metric"] == f"NDCG@{_headline_cutoff(evaluation)}"]
    if is_of_one_user(differences):
        return [_of_one_user(row) for _, row in chosen.iterrows()]
    return [_sentence(row, evaluation.confidence) for _, row in chosen.iterrows()]


def _sentence(row: pd.Series, confidence: float) -> str:
    first = title_of(row[c.MODEL])
    second = title_of(row["other"])
    over = coverage_of(**{row[side]: 1 for side in (c.MODEL, "other")})
    ends = f"{row['low']:+.4f} to {row['high']:+.4f}"
    interval = f"{confidence:.0%} interval over {over} {ends}, {row['metric']}"
    if row["low"] <= 0 <= row["high"]:
        return f"{first} and {second} do not differ beyond noise ({interval})."
    better = "better" if row["mean"] > 0 else "worse"
    return f"{first} is {better} than {second} by {abs(row['mean']):.4f} ({interval})."


def _of_one_user(row: pd.Series) -> str:
    """Say what one user allows to say, which is nothing of other users."""
    first = title_of(row[c.MODEL])
    second = title_of(row["other"])
    by = f" by {abs(row['mean']):.4f}" if row["mean"] else ""
    places = {1.0: "above", -1.0: "below", 0.0: "level with"}
    place = places[float(np.sign(row["mean"]))]
    return f"{first} is {place} {second}{by} in {row['metric']} for the only user: {ONE_USER}."


def _headline_cutoff(evaluation: Evaluation) -> int:
    return 10 if 10 in evaluation.cutoffs else max(evaluation.cutoffs)


def _with_error(row: pd.Series, one_user: bool) -> str:
    half = "" if one_user else f" ±{(row['high'] - row['low']) / 2:.3f}"
    return f"{row['mean']:.4f}{half}"

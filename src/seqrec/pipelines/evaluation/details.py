"""What stands behind the averages: trainings' costs, slices of users, users to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.evaluation.ensemble import shown
from seqrec.tables import columns as c
from seqrec.tables.protocols import at_headline

EXAMPLES = 4
"""Users to look at."""

SHOWN = 6
"""Of each, the last items."""


def summarise_trainings(**training_logs: pd.DataFrame) -> pd.DataFrame:
    """Say what each training took, and that its gradients stayed small.

    Args:
        **training_logs: A row per epoch, by model.

    Returns:
        A row per model.
    """
    rows = [
        {
            c.MODEL: title_of(model),
            "epochs": len(log),
            "best epoch": int(log[c.EPOCH].iloc[int(log["NDCG@10"].argmax())]) + 1,
            "seconds": round(float((log["train_seconds"] + log["valid_seconds"]).sum()), 1),
            "targets per second": round(float(log["targets_per_second"].median())),
            "memory (GiB)": round(float(log["memory_gib"].max()), 2),
            "mean gradient norm": round(float(log["gradient_norm"].mean()), 3),
            "largest gradient norm": round(float(log["largest_gradient_norm"].max()), 3),
            "NaN or Inf": int((~np.isfinite(log.to_numpy(dtype=float))).sum()),
        }
        for model, log in training_logs.items()
    ]
    return pd.DataFrame(rows)


def slice_users(
    evaluation: Evaluation, interactions: pd.DataFrame, **metrics: pd.DataFrame
) -> pd.DataFrame:
    """Average NDCG@10 over kinds of users at the headline protocol, columns for each model.

    Args:
        evaluation: The headline protocol and the bootstrap's settings.
        interactions: Histories and popularity.
        **metrics: Per-user metrics by model.

    Returns:
        A row per slice: its kind, its users, each model's mean under its title, and the ends of
        the mean's interval over users under ``<title> low`` and ``<title> high``.
    """
    tables = shown(metrics)
    chosen = pd.concat(
        [
            at_headline(table, evaluation).assign(**{c.MODEL: name})
            for name, table in tables.items()
        ]
    )
    slices = slice_runs(chosen, interactions, evaluation)
    order = slices[["kind", "slice", "users"]].drop_duplicates()
    by_slice = slices.set_index([c.MODEL, "kind", "slice"])
    for value, suffix in (("mean", ""), ("low", " low"), ("high", " high")):
        wide = by_slice[value].unstack(c.MODEL)[list(tables)]
        names = {name: f"{title_of(name)}{suffix}" for name in tables}
        order = order.merge(wide.rename(columns=names), on=["kind", "slice"])
    return order.round(4)


def pick_examples(
    evaluation: Evaluation,
    interactions: pd.DataFrame,
    movies: pd.DataFrame,
    **target_ranks: pd.DataFrame,
) -> list[dict[str, Any]]:
    """Choose users to look at, from where the reference does best to where it does worst.

    Args:
        evaluation: The headline protocol and the reference.
        interactions: Histories.
        movies: Titles.
        **target_ranks: Ranks by model.

    Returns:
        For each user: the last items with the time between them, the held-out one, its ranks.
    """
    ranks = pd.DataFrame(
        {
            title_of(name): at_headline(table, evaluation).set_index(c.USER)[c.RANK]
            for name, table in target_ranks.items()
        }
    )
    ordered = ranks.sort_values(title_of(evaluation.reference), kind="stable")
    spread = (round(k * (len(ordered) - 1) / (EXAMPLES - 1) * 0.9) for k in range(EXAMPLES))
    places = list(dict.fromkeys(spread))
    titles = movies.set_index(c.ITEM)[c.TITLE]
    shown = interactions[interactions[c.USER].isin(ordered.index[places])]
    histories = shown[shown[c.SPLIT] != c.TEST_TIED].groupby(c.USER)
    return [
        {
            "user": str(user),
            "items": _events(histories.get_group(user).tail(SHOWN), titles),
            "ranks": {str(name): float(rank) for name, rank in ordered.loc[user].items()},
        }
        for user in ordered.index[places]
    ]


def _events(rows: pd.DataFrame, titles: pd.Series) -> list[dict[str, str]]:
    """Name items and the time since the one before."""
    return [
        {"title": str(titles.get(item, item)), "after": _gap(int(gap))}
        for item, gap in zip(rows[c.ITEM], rows[c.DELTA], strict=True)
    ]


def _gap(seconds: int) -> str:
    """Say a time span in its largest unit.

    >>> _gap(0), _gap(59), _gap(7200), _gap(200_000)
    ('same second', '59 s later', '2 h later', '2 days later')
    """
    if seconds == 0:
        return "same second"
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{round(seconds / size)} {unit} later"
    return f"{seconds} s later"

"""What stands behind the averages: trainings' costs, slices of users, users to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from seqrec.parameters import Evaluation
from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.evaluation.tables import NAMES
from seqrec.tables import columns as c

EXAMPLES, SHOWN = 4, 6


def summarise_trainings(**histories: pd.DataFrame) -> pd.DataFrame:
    """Say what each training took, and that its gradients stayed small.

    Args:
        **histories: A row per epoch, by model.

    Returns:
        A row per model.
    """
    rows = [
        {
            c.MODEL: NAMES.get(model, model),
            "epochs": len(h),
            "best epoch": int(h[c.EPOCH].iloc[int(h["NDCG@10"].argmax())]) + 1,
            "seconds": round(float((h["train_seconds"] + h["valid_seconds"]).sum()), 1),
            "targets per second": round(float(h["targets_per_second"].median())),
            "memory (GiB)": round(float(h["memory_gib"].max()), 2),
            "mean gradient norm": round(float(h["gradient_norm"].mean()), 3),
            "largest gradient norm": round(float(h["largest_gradient_norm"].max()), 3),
            "NaN or Inf": int((~np.isfinite(h.to_numpy(dtype=float))).sum()),
        }
        for model, h in histories.items()
    ]
    return pd.DataFrame(rows)


def slice_users(
    evaluation: Evaluation, interactions: pd.DataFrame, **metrics: pd.DataFrame
) -> pd.DataFrame:
    """Average NDCG@10 over kinds of users at the headline protocol, a column per model.

    Args:
        evaluation: The headline protocol.
        interactions: Histories and popularity.
        **metrics: Per-user metrics by model.

    Returns:
        A row per slice: its kind, its users, and each model's mean.
    """
    chosen = pd.concat(
        [_at_headline(m, evaluation).assign(**{c.MODEL: name}) for name, m in metrics.items()]
    )
    slices = slice_runs(chosen, interactions)
    order = slices[["kind", "slice", "users"]].drop_duplicates()
    wide = slices.pivot(index=["kind", "slice"], columns=c.MODEL, values="mean")[list(metrics)]
    return order.merge(wide.rename(columns=NAMES), on=["kind", "slice"]).round(4)


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
            NAMES.get(name, name): _at_headline(table, evaluation).set_index(c.USER)[c.RANK]
            for name, table in target_ranks.items()
        }
    )
    reference = NAMES.get(evaluation.reference, evaluation.reference)
    ordered = ranks.sort_values(reference, kind="stable")
    places = [round(k * (len(ordered) - 1) / (EXAMPLES - 1) * 0.9) for k in range(EXAMPLES)]
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


def _at_headline(table: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    return table[
        (table[c.MASK] == evaluation.headline_mask)
        & (table[c.QUERY_TIME] == evaluation.headline_query_time)
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

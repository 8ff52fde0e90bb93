"""Means over parts of the users: short and long histories, rare and popular held-out items."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seqrec.metrics.statistics import bootstrap_mean
from seqrec.parameters import Evaluation
from seqrec.tables import columns as c

METRIC = "NDCG@10"
_LENGTHS = [0, 20, 50, 100, 200, np.inf]
_NAMES = ["up to 20", "21 to 50", "51 to 100", "101 to 200", "over 200"]
_THIRDS = ["rare third", "middle third", "popular third"]


def slice_runs(
    runs: pd.DataFrame, interactions: pd.DataFrame, evaluation: Evaluation
) -> pd.DataFrame:
    """Average NDCG@10 over users with short and long histories, and over popular and rare items.

    Args:
        runs: A row per model and user (and training), with NDCG@10.
        interactions: Histories and popularity.
        evaluation: Samples, confidence and seed of the bootstrap.

    Returns:
        A row per model, kind of slice and slice: users, their mean, and its interval over users.
    """
    train = interactions[interactions[c.SPLIT] == c.TRAIN]
    test = interactions[interactions[c.SPLIT] == c.TEST].set_index(c.USER)[c.ITEM]
    popularity = test.map(train[c.ITEM].value_counts()).fillna(0)
    before = ~interactions[c.SPLIT].isin([c.TEST, c.TEST_TIED])
    length = interactions[before].groupby(c.USER).size()
    slices = {
        "history length": pd.cut(length, _LENGTHS, labels=_NAMES),
        "popularity of the held-out item": _thirds(popularity),
    }
    tables = [
        _means(runs, of_user, evaluation).assign(kind=kind) for kind, of_user in slices.items()
    ]
    columns = [c.MODEL, "kind", "slice", "users", "mean", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns]


def _thirds(popularity: pd.Series) -> pd.Series:
    """Cut users into three equal parts; one user alone is in the middle."""
    if len(popularity) == 1:
        return pd.Series(pd.Categorical([_THIRDS[1]], _THIRDS), popularity.index)
    return pd.qcut(popularity.rank(method="first"), 3, _THIRDS)


def _means(runs: pd.DataFrame, of_user: pd.Series, evaluation: Evaluation) -> pd.DataFrame:
    """Average each model's users slice by slice, in the slices' order."""
    known = runs.assign(slice=pd.Categorical(runs[c.USER].map(of_user), of_user.cat.categories))
    groups = known.groupby([c.MODEL, "slice"], sort=False, observed=True)
    rows = [
        {c.MODEL: model, "slice": part, **_mean(rows, evaluation)}
        for (model, part), rows in groups
    ]
    means = pd.DataFrame(rows)
    means["slice"] = pd.Categorical(means["slice"], of_user.cat.categories)
    return means.sort_values([c.MODEL, "slice"]).astype({"slice": str})


def _mean(rows: pd.DataFrame, evaluation: Evaluation) -> dict[str, float]:
    """Average over users and trainings; the interval is over users."""
    per_user = rows.groupby(c.USER)[[METRIC]].mean().to_numpy()
    interval = bootstrap_mean(
        per_user, evaluation.bootstrap_samples, evaluation.confidence, evaluation.seed
    )
    return {
        "users": len(per_user),
        "mean": rows[METRIC].mean(),
        "low": interval.low[0],
        "high": interval.high[0],
    }

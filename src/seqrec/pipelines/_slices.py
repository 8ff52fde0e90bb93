"""Means over parts of the users: short and long histories, rare and popular held-out items."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seqrec.tables import columns as c

METRIC = "NDCG@10"
_LENGTHS = [0, 20, 50, 100, 200, np.inf]
_THIRDS = ["rare third", "middle third", "popular third"]
_NAMES = ["up to 20", "21 to 50", "51 to 100", "101 to 200", "over 200"]


def slice_runs(runs: pd.DataFrame, interactions: pd.DataFrame) -> pd.DataFrame:
    """Average NDCG@10 over users with short and long histories, and over popular and rare items.

    Args:
        runs: A row per model and user (and training), with NDCG@10.
        interactions: Histories and popularity.

    Returns:
        A row per model, kind of slice and slice: users and their mean.
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
    tables = [_means(runs, of_user).assign(kind=kind) for kind, of_user in slices.items()]
    return pd.concat(tables, ignore_index=True)[[c.MODEL, "kind", "slice", "users", "mean"]]


def _thirds(popularity: pd.Series) -> pd.Series:
    """Cut users into thirds by how popular their held-out items are; one user is in the middle."""
    if len(popularity) > 1:
        return pd.qcut(popularity.rank(method="first"), 3, _THIRDS)
    middle = pd.Categorical([_THIRDS[1]] * len(popularity), _THIRDS, ordered=True)
    return pd.Series(middle, popularity.index)


def _means(runs: pd.DataFrame, of_user: pd.Series) -> pd.DataFrame:
    """Average each model's users slice by slice, in the slices' order."""
    known = runs.assign(slice=pd.Categorical(runs[c.USER].map(of_user), of_user.cat.categories))
    groups = known.groupby([c.MODEL, "slice"], sort=False, observed=True)
    means = groups.agg(users=(c.USER, "nunique"), mean=(METRIC, "mean")).reset_index()
    return means.sort_values([c.MODEL, "slice"]).astype({"slice": str})

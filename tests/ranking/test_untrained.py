"""Baselines that learn nothing, against brute force."""

import numpy as np
import pandas as pd
import pytest

from seqrec.parameters import Baselines
from seqrec.ranking.item_knn import rank_by_neighbours
from seqrec.ranking.popularity import rank_by_popularity
from seqrec.ranking.recent import DAY, rank_by_recent_popularity
from seqrec.tables import columns as c
from seqrec.tables.schemas import TargetRanks

OPTIONS = Baselines(recent_days=0.2, neighbours=4, shrinkage=2.0)


def rank_of(scores, row, interactions):
    """Rank a row's item by scores of all items, a Series, as the protocol says."""
    own = interactions[(interactions[c.USER] == row[c.USER]) & (interactions[c.SPLIT] != c.TEST)]
    shown = scores.drop(own[c.ITEM].unique()) if row[c.MASK] == c.MASKED else scores
    mine, others = scores[row[c.ITEM]], shown.drop(row[c.ITEM])
    close = np.isclose(others, mine, rtol=1e-12)
    return 1 + ((others > mine) & ~close).sum() + close.sum() / 2, len(shown)


def counted(items, interactions):
    every = interactions[c.ITEM].unique()
    return items.value_counts().reindex(every, fill_value=0).astype(float)


def test_popularity_by_brute_force(interactions):
    ranks = rank_by_popularity(interactions)
    TargetRanks.validate(ranks)
    train = interactions[interactions[c.SPLIT] == c.TRAIN]
    counts = counted(train[c.ITEM], interactions)
    for _, row in ranks.iterrows():
        assert (row[c.RANK], row[c.CANDIDATES]) == rank_of(counts, row, interactions)


def test_recent_popularity_by_brute_force(interactions):
    ranks = rank_by_recent_popularity(interactions, OPTIONS)
    TargetRanks.validate(ranks)
    train = interactions[interactions[c.SPLIT] == c.TRAIN]
    for _, row in ranks.iterrows():
        own = interactions[interactions[c.USER] == row[c.USER]]
        asked = own[c.TIMESTAMP].iloc[-1]
        if row[c.QUERY_TIME] == c.UNKNOWN:
            asked = own[c.TIMESTAMP].iloc[-2] + own[c.DELTA].iloc[1:-1].median()
        recent = train[train[c.TIMESTAMP].between(asked - 0.2 * DAY, asked, inclusive="left")]
        expected = rank_of(counted(recent[c.ITEM], interactions), row, interactions)
        assert (row[c.RANK], row[c.CANDIDATES]) == expected


def test_neighbours_by_brute_force(interactions):
    ranks = rank_by_neighbours(interactions, OPTIONS)
    TargetRanks.validate(ranks)
    train = interactions[interactions[c.SPLIT] == c.TRAIN]
    seen = pd.crosstab(train[c.USER], train[c.ITEM]).clip(upper=1)
    seen = seen.reindex(columns=sorted(interactions[c.ITEM].unique()), fill_value=0)
    together = (seen.T @ seen).astype(float)
    norms = np.sqrt(np.diag(together))
    similar = together / (np.outer(norms, norms) + OPTIONS.shrinkage)
    values = similar.to_numpy(copy=True)
    np.fill_diagonal(values, 0.0)
    for line in values:
        nearest = sorted(range(len(line)), key=lambda j: (-line[j], j))[: OPTIONS.neighbours]
        line[[j for j in range(len(line)) if j not in nearest]] = 0.0
    similar = pd.DataFrame(values, similar.index, similar.columns)
    for _, row in ranks.sample(40, random_state=1).iterrows():
        own = interactions[interactions[c.USER] == row[c.USER]]
        history = own[own[c.SPLIT] != c.TEST][c.ITEM]
        scores = similar.loc[history].sum()
        expected = rank_of(scores, row, interactions)
        assert (row[c.RANK], row[c.CANDIDATES]) == pytest.approx(expected)


def test_a_shuffled_history_tells_neighbours_nothing_new(interactions):
    """item-kNN knows sets, not orders: the control of every sequential claim."""
    ranks = rank_by_neighbours(interactions, OPTIONS)
    first, last = interactions.copy(), interactions[c.SPLIT] != c.TRAIN
    order = np.random.default_rng(0).permutation(len(interactions))
    shuffled = first.iloc[order]
    shuffled = pd.concat([shuffled[~last.iloc[order].to_numpy()], first[last]])
    shuffled = shuffled.sort_values(c.USER, kind="stable")
    again = rank_by_neighbours(shuffled, OPTIONS)
    keys = [c.USER, c.MASK, c.QUERY_TIME]
    pd.testing.assert_frame_equal(
        ranks.sort_values(keys, ignore_index=True), again.sort_values(keys, ignore_index=True)
    )

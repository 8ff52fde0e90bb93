"""A cut in time for everybody: who is asked, with which history, and what is left out."""

import numpy as np
import pytest

from seqrec.metrics.ranking import metric_table
from seqrec.parameters import Baselines
from seqrec.ranking.popularity import rank_by_popularity
from seqrec.ranking.recent import rank_by_recent_popularity
from seqrec.recbole_bridge.api import rank
from seqrec.tables import columns as c
from seqrec.tables.schemas import TargetRanks
from tests.conftest import CPU, cyclic_ratings, process
from tests.recbole_bridge.helpers import loaded, train_of


@pytest.fixture(scope="module")
def interactions():
    ratings = cyclic_ratings(users=30, shortest=8, longest=14)
    ratings[c.TIMESTAMP] -= 1000 * ratings[c.USER]  # everybody begins at the same time
    return process(ratings, split="temporal", valid_from=0.6, test_from=0.75)


@pytest.fixture
def trained(make_files, interactions):
    files = make_files(interactions)
    return train_of("ss4rec", files, epochs=40, early_stopping=40)[0], files


def test_who_has_a_test_interaction_is_asked_about_it(trained, interactions):
    ranks = rank(*trained, CPU)
    TargetRanks.validate(ranks)
    test = interactions[interactions[c.SPLIT] == c.TEST].set_index(c.USER)[c.ITEM]
    assert 5 < len(test) < interactions[c.USER].nunique()
    known = ranks[(ranks[c.QUERY_TIME] == c.KNOWN) & (ranks[c.MASK] == c.MASKED)]
    assert known.set_index(c.USER)[c.ITEM].to_dict() == test.to_dict()
    # All that came before is masked: training, validation and what lies between.
    own = interactions[interactions[c.SPLIT] != c.TEST].groupby(c.USER)[c.ITEM].agg(set)
    n_items = interactions[c.ITEM].nunique()
    for _, row in known.iterrows():
        assert row[c.CANDIDATES] == n_items - len(own[row[c.USER]] - {row[c.ITEM]})
    assert metric_table(known[c.RANK].to_numpy(), (10,))["NDCG@10"].mean() > 0.6


def test_the_history_of_a_test_interaction_holds_everything_before_it(trained, interactions):
    _, loaders = loaded(*trained)
    lengths = interactions.groupby(c.USER).size()
    tested = interactions.loc[interactions[c.SPLIT] == c.TEST, c.USER]
    assert sorted(loaders.test.rows.length) == sorted(np.minimum(lengths[tested] - 1, 16))
    valid = interactions[interactions[c.SPLIT] == c.VALID]
    assert sorted(loaders.valid.rows.length) == sorted(np.minimum(valid[c.POSITION], 16))


def test_only_what_lies_before_the_first_cut_is_learned(trained, interactions):
    _, loaders = loaded(*trained)
    loaders.train.start(0)
    targets = sum(
        int(fields["target_list"].ne(0).sum())
        for step in loaders.train.parts(0)
        for fields in step
    )
    trained_on = interactions[interactions[c.SPLIT] == c.TRAIN].groupby(c.USER).size()
    assert targets == (trained_on - 1).clip(lower=0).sum()


def test_baselines_that_learn_nothing_ask_the_same_users(interactions):
    test = set(interactions.loc[interactions[c.SPLIT] == c.TEST, c.USER])
    assert set(rank_by_popularity(interactions)[c.USER]) == test
    assert set(rank_by_recent_popularity(interactions, Baselines())[c.USER]) == test

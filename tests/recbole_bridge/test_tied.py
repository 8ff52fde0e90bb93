"""The tie policy `group`: a second is held out, and any item of it is a right answer."""

import numpy as np
import pytest

from seqrec.ranking.popularity import rank_by_popularity
from seqrec.recbole_bridge.api import rank
from seqrec.tables import columns as c
from seqrec.tables.schemas import TargetRanks
from tests.conftest import CPU, cyclic_ratings, process
from tests.recbole_bridge.helpers import loaded, train_of

HELD_OUT = [c.TEST, c.TEST_TIED]


@pytest.fixture(scope="module")
def interactions():
    return process(cyclic_ratings(users=30, shortest=8, longest=14), tie_policy="group")


def right_answers(interactions):
    second = interactions[interactions[c.SPLIT].isin(HELD_OUT)]
    return second.groupby(c.USER)[c.ITEM].agg(set).to_dict()


def rank_of_the_best(scores, right, hidden):
    """Rank as the protocol says: the best right answer among all that are no right answers."""
    others = [x for item, x in scores.items() if item not in right | hidden]
    best = max(scores[item] for item in right)
    above, tied = sum(x > best for x in others), sum(x == best for x in others)
    return 1 + above + tied / 2, 1 + len(others)


@pytest.mark.parametrize("name", ["ss4rec", "ncf"])
def test_ranks_are_those_of_the_best_of_the_second(make_files, interactions, name):
    files = make_files(interactions)
    artifact, history = train_of(name, files)
    assert history["NDCG@10"].between(0, 1).all()
    ranks = rank(artifact, files, CPU)
    TargetRanks.validate(ranks)
    recommender, loaders = loaded(artifact, files)
    right = right_answers(interactions)
    assert max(map(len, right.values())) > 1
    before = interactions[~interactions[c.SPLIT].isin(HELD_OUT)]
    seen = before.groupby(c.USER)[c.ITEM].agg(set)
    tokens = loaders.dataset.field2id_token[c.ITEM]
    known = ranks[ranks[c.QUERY_TIME] == c.KNOWN].set_index([c.USER, c.MASK])
    for batch in loaders.test:
        every = recommender.full_sort_predict(batch).view(-1, len(tokens)).detach().numpy()
        for user, row in zip(loaders.dataset.id2token(c.USER, batch[c.USER]), every, strict=True):
            scores = dict(zip(tokens[1:], row[1:], strict=True))
            for mask, hidden in ((c.MASKED, seen[user]), (c.UNMASKED, set())):
                found = known.loc[(user, mask)]
                expected = rank_of_the_best(scores, right[user], hidden - right[user])
                assert (found[c.RANK], found[c.CANDIDATES]) == expected


def test_histories_end_before_the_second(make_files, interactions):
    files = make_files(interactions)
    artifact, _ = train_of("ss4rec", files)
    _, loaders = loaded(artifact, files)
    for loader, split in ((loaders.valid, c.VALID), (loaders.test, c.TEST)):
        place = interactions[interactions[c.SPLIT] == split].set_index(c.USER)[c.POSITION]
        users = loaders.dataset.id2token(c.USER, loader.users)
        assert loader.rows.length.tolist() == np.minimum(place[users], 16).tolist()
        tied = interactions[interactions[c.SPLIT] == c.TIED_WITH[split]].groupby(c.USER).size()
        assert ((loader.tied > 0).sum(1) == tied.reindex(users, fill_value=0)).all()


def test_popularity_by_brute_force(interactions):
    ranks = rank_by_popularity(interactions)
    TargetRanks.validate(ranks)
    learned = interactions[interactions[c.SPLIT] == c.TRAIN][c.ITEM].value_counts()
    scores = {item: learned.get(item, 0) for item in interactions[c.ITEM].unique()}
    right = right_answers(interactions)
    before = interactions[~interactions[c.SPLIT].isin(HELD_OUT)]
    seen = before.groupby(c.USER)[c.ITEM].agg(set)
    assert set(ranks[c.USER]) == set(right)
    for _, row in ranks.iterrows():
        user = row[c.USER]
        hidden = seen[user] - right[user] if row[c.MASK] == c.MASKED else set()
        expected = rank_of_the_best(scores, right[user], hidden)
        assert (row[c.RANK], row[c.CANDIDATES]) == expected

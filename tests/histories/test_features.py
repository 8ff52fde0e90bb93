"""What networks are told of an event beside its item: ratings, weeks, and the query's time."""

import itertools

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.histories import batches as b
from seqrec.histories.features import SECONDS_OF_A_WEEK, feature_list
from seqrec.models.context import UNKNOWN_TIME
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS
from tests.conftest import cyclic_ratings, process
from tests.recbole_bridge.helpers import loaders_of


@pytest.fixture
def rated(make_files):
    """Interactions whose rating and week tell which one they are."""
    ratings = cyclic_ratings()
    ratings[c.RATING] = 1 + np.arange(len(ratings)) % 9 / 2
    ratings[c.TIMESTAMP] += SECONDS_OF_A_WEEK * (np.arange(len(ratings)) % 5)
    interactions = process(ratings)
    return make_files(interactions), interactions


def by_item(interactions):
    """Each interaction's rating and week by user and item, in RecBole's names."""
    rows = interactions.assign(week=interactions[c.TIMESTAMP] // SECONDS_OF_A_WEEK)
    return rows.set_index([c.USER, c.ITEM])


@pytest.mark.parametrize("part", ["train", "test"])
def test_every_input_has_its_own_rating_and_week(rated, part):
    files, interactions = rated
    loaders = loaders_of("ss4rec_plus", files)
    if part == "train":
        loaders.train.start(0)
        batches = [loaders.train.expand(x) for step in loaders.train.parts(0) for x in step]
    else:
        batches = list(loaders.test)
    wanted = by_item(interactions)
    names = loaders.dataset.field2id_token
    checked = 0
    for batch in batches:
        for row, user in enumerate(batch[c.USER].tolist()):
            items = batch[b.ITEM_LIST][row]
            for step in range(int(batch[b.LENGTH][row])):
                own = wanted.loc[(names[c.USER][user], names[c.ITEM][items[step]])]
                assert batch[feature_list("rating")][row, step] == own[c.RATING]
                assert batch[feature_list("week")][row, step] == own["week"]
                checked += 1
            assert (batch[feature_list("rating")][row, int(batch[b.LENGTH][row]) :] == 0).all()
    assert checked > 100


def test_models_that_ask_for_nothing_are_told_nothing(rated):
    loaders = loaders_of("ss4rec", rated[0])
    assert loaders.dataset.histories.features == {}
    assert feature_list("rating") not in next(iter(loaders.test))


def test_files_of_an_earlier_version_are_refused_by_who_needs_more(rated):
    files, _ = rated
    path = files.data_path / files.dataset / INTERACTIONS
    table = pq.read_table(path).drop_columns([c.RATING, c.TIMESTAMP])
    pq.write_table(table, path)
    loaders_of("ss4rec", files)
    with pytest.raises(ProjectError, match=r"no column 'rating'.*--pipelines recbole_format"):
        loaders_of("ss4rec_plus", files)


def test_an_unknown_query_time_is_told_as_such(rated):
    loaders = loaders_of("ss4rec_plus", rated[0])
    known, hidden = (next(iter(loaders.test.at(when))) for when in c.QUERY_TIMES)
    last = (known[b.LENGTH] - 1)[:, None]
    assert (hidden[b.DELTA_LIST].gather(1, last) == UNKNOWN_TIME).all()
    before = known[b.DELTA_LIST].scatter(1, last, 0.0)
    assert torch.equal(hidden[b.DELTA_LIST].scatter(1, last, 0.0), before)


@pytest.fixture
def tied(make_files):
    """Twelve users of whom each rates four seconds' worth of three to five items."""
    random = np.random.default_rng(1)
    rows = []
    for user in range(12):
        items = random.permutation(24)
        cuts = np.cumsum([0, *random.integers(3, 6, 4)])
        for second, (start, end) in enumerate(itertools.pairwise(cuts)):
            rows += [(user, item, item % 5 + 1, 10**9 + 90 * second) for item in items[start:end]]
    names = [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]
    return make_files(process(pd.DataFrame(rows, columns=names)))


def epoch_of(loaders, epoch):
    loaders.train.start(epoch)
    return [loaders.train.expand(x) for step in loaders.train.parts(0) for x in step]


def rows_of(batches):
    """Items, ratings and intervals of each user's row."""
    fields = (b.ITEM_LIST, feature_list("rating"), b.DELTA_LIST, b.TARGET_LIST)
    return {
        int(user): [batch[field][row].tolist() for field in fields]
        for batch in batches
        for row, user in enumerate(batch[c.USER])
    }


def test_ties_are_drawn_anew_each_epoch_and_nothing_else(tied):
    """Items move within their second, ratings with them; what is held out stays where it is."""
    plain = loaders_of("ss4rec_plus", tied)
    shuffled = loaders_of("ss4rec_plus", tied, shuffle_ties=True)
    asked = rows_of(epoch_of(plain, 0))
    epochs = [rows_of(epoch_of(shuffled, epoch)) for epoch in (0, 1, 0)]
    assert epochs[0] == epochs[2] != epochs[1]
    assert epochs[0] != asked
    for user, (items, ratings, intervals, targets) in epochs[0].items():
        own_items, own_ratings, own_intervals, own_targets = asked[user]
        # Held-out items of the last second never come in.
        assert {*items, *targets} == {*own_items, *own_targets}
        assert intervals == own_intervals
        second = np.cumsum([0, *(gap > 0 for gap in intervals[:-1])])
        by_rating = dict(zip(own_items, own_ratings, strict=True))
        for place in set(second):
            here = second == place
            moved, stayed = (np.array(x)[here].tolist() for x in (items, own_items))
            if place < second.max():
                assert sorted(moved) == sorted(stayed)
        assert [
            by_rating.get(item, rating) for item, rating in zip(items, ratings, strict=True)
        ] == ratings
        follows = [item for item in items[1:] if item]
        assert targets[: len(follows)] == follows
    held_out = [
        [batch[b.ITEM_LIST].tolist() for batch in loaders.test] for loaders in (plain, shuffled)
    ]
    assert held_out[0] == held_out[1]

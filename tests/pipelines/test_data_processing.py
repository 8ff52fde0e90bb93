import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.engine.connection import connect
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import clean_ratings, filter_core, order_history
from seqrec.pipelines.recbole_format.nodes import describe_interactions
from seqrec.tables import columns as c
from seqrec.tables.contracts import Interactions, Ratings
from tests.conftest import DUCKDB, on_engine, process


def ratings_of(*rows):
    return pd.DataFrame(rows, columns=[c.USER, c.ITEM, c.RATING, c.TIMESTAMP])


def test_of_repetitions_the_highest_rating_stays():
    raw = ratings_of((1, 7, 4, 100), (1, 7, 2, 100), (1, 7, 5, 101), (2, 7, 1, 100))
    ratings = clean_ratings(on_engine(raw), DataProcessing())
    Ratings.check(ratings, "ratings")
    rows = ratings.order_by(c.USER, c.TIMESTAMP).to_pandas()
    assert rows[c.RATING].tolist() == [4.0, 5.0, 1.0]
    assert rows[c.USER].tolist() == ["1", "1", "2"]


def test_the_rating_threshold_is_inclusive():
    raw = ratings_of((1, 7, 4.0, 1), (1, 8, 3.5, 2), (1, 9, 4.5, 3))
    kept = clean_ratings(on_engine(raw), DataProcessing(min_rating=4.0)).to_pandas()
    assert sorted(kept[c.ITEM]) == ["7", "9"]


random_ratings = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(1.0), st.integers(0, 20)),
    min_size=30,
    max_size=120,
)


@settings(deadline=None, max_examples=40)
@given(random_ratings, st.integers(3, 4), st.integers(1, 4))
def test_the_core_is_the_largest_that_is_dense_enough(rows, user_core, item_core):
    options = DataProcessing(user_core=user_core, item_core=item_core)
    ratings = clean_ratings(on_engine(ratings_of(*rows)), options)
    table = ratings.to_pandas()
    kept = [*zip(table[c.USER], table[c.ITEM], strict=True)]
    while True:  # the definition, one removal at a time
        users, items = [u for u, _ in kept], [i for _, i in kept]
        thin = [
            (u, i) for u, i in kept if users.count(u) < user_core or items.count(i) < item_core
        ]
        if not thin:
            break
        kept = [pair for pair in kept if pair != thin[0]]
    if not kept:
        with pytest.raises(ProjectError, match=r"lower data_processing\.user_core"):
            filter_core(ratings, options)
        return
    core = filter_core(ratings, options).to_pandas()
    assert sorted(zip(core[c.USER], core[c.ITEM], strict=True)) == sorted(kept)


def test_histories_are_in_order_of_time_with_exact_gaps():
    times = [883_000_000, 883_000_001, 883_000_001, 883_000_065, 900_000_000]
    interactions = process(ratings_of(*((1, item, 1.0, t) for item, t in enumerate(times))))
    assert interactions[c.DELTA].tolist() == [0, 1, 0, 64, 16_999_935]
    assert interactions[c.POSITION].tolist() == [0, 1, 2, 3, 4]
    assert interactions[c.SPLIT].tolist() == [c.TRAIN] * 3 + [c.VALID, c.TEST]
    Interactions.check(on_engine(interactions), "interactions")


def tied(order):
    return ratings_of(*((1, item, 1.0, 5) for item in order))


def test_file_order_keeps_ties_as_they_come():
    assert process(tied([3, 1, 2, 9, 4]))[c.ITEM].tolist() == list("31294")


def test_hash_order_depends_on_the_seed_and_not_on_the_file():
    def order(items, seed):
        return process(tied(items), tie_policy="hash", seed=seed)[c.ITEM].tolist()

    items = list(range(12))
    assert order(items, 1) == order(items[::-1], 1)
    assert order(items, 1) != order(items, 2)
    assert order(items, 1) != sorted(order(items, 1), key=int)


def test_hash_order_is_the_documented_one():
    """MD5 of user|item|time|seed, as any SQL engine computes it."""
    import hashlib

    options = DataProcessing(seed=9)
    ordered = order_history(clean_ratings(on_engine(tied(range(5))), options), options)
    ordered = ordered.order_by(c.POSITION).to_pandas()
    digest = {str(i): hashlib.md5(f"1|{i}|5|9".encode()).hexdigest() for i in range(5)}
    assert ordered[c.ITEM].tolist() == sorted(digest, key=digest.__getitem__)


def test_inputs_are_not_mutated():
    raw = tied(range(6))
    before = raw.copy()
    process(raw)
    pd.testing.assert_frame_equal(raw, before)


def test_statistics_by_hand():
    rows = [(1, item, 1.0, 10 * (item // 2)) for item in range(6)]
    rows += [(2, item, 1.0, 10 * item) for item in range(5)]
    stats = describe_interactions(on_engine(process(ratings_of(*rows))))
    assert stats["users"] == 2
    assert stats["items"] == 6
    assert stats["interactions"] == 11
    assert stats["sparsity"] == pytest.approx(1 - 11 / 12, abs=1e-6)
    assert stats["mean_length"] == 5.5
    assert stats["tied_steps"] == pytest.approx(3 / 9, abs=1e-4)
    assert stats["users_with_tied_last"] == 0.5
    assert stats["first_time"] == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "column", "value", "rule"),
    [
        (5, c.TIMESTAMP, -1, "timestamp lies between 1970 and 2286"),
        (5, c.SPLIT, "rest", "split is one of train, valid, valid_tied, context, test"),
        (0, c.SPLIT, c.TEST, "splits follow in time"),
        (2, c.SPLIT, c.VALID, "splits follow in time"),
        (3, c.SPLIT, c.VALID, "splits follow in time"),  # a second one
        (4, c.SPLIT, c.TEST, "splits follow in time"),  # likewise
        (5, c.SPLIT, c.VALID_TIED, "what is tied follows in the same second"),
        (5, c.POSITION, 7, "positions count"),
        (3, c.DELTA, -1, "delta is at least 0"),
        (3, c.USER, None, "user_id is not null"),
    ],
)
def test_the_contract_refuses_what_no_model_should_see(row, column, value, rule):
    broken = process(ratings_of(*((1, item, 1.0, item) for item in range(6))))
    broken.loc[row, column] = value
    table = connect(DUCKDB).create_table(ibis.util.gen_name("broken"), broken, temp=True)
    with pytest.raises(
        ProjectError, match=rf"some/where: \d \w+ break the rule '{rule}.*the first: "
    ):
        Interactions.check(table, "some/where")


def test_the_contract_refuses_an_interaction_that_is_there_twice():
    rows = process(ratings_of(*((1, item, 1.0, 9) for item in range(6))))
    rows.loc[1, c.ITEM] = rows.loc[0, c.ITEM]
    with pytest.raises(ProjectError, match="no interaction of a user is there twice"):
        Interactions.check(on_engine(rows), "interactions")


def test_the_contract_refuses_other_columns():
    rows = process(ratings_of(*((1, item, 1.0, 9) for item in range(6)))).drop(columns=c.DELTA)
    with pytest.raises(ProjectError, match=r"columns are .* instead of"):
        Interactions.check(on_engine(rows), "interactions")


def test_time_is_int64_throughout():
    interactions = process(ratings_of(*((1, item, 1.0, 2**32 + item) for item in range(6))))
    assert interactions[c.TIMESTAMP].dtype == np.int64
    assert interactions[c.DELTA].tolist() == [0, 1, 1, 1, 1, 1]


DAY = 86_400


def walk(user, days):
    return [(user, 100 * user + n, 1.0, day * DAY) for n, day in enumerate(days)]


def test_a_temporal_split_cuts_time_once_for_everybody():
    rows = walk(1, [0, 1, 2, 11, 12, 13, 21, 22]) + walk(2, [0, 1, 2, 3, 4])
    rows += (
        walk(3, [9, 12, 14, 15, 29])
        + walk(4, [20, 21, 22, 23, 24])
        + walk(5, [11, 12, 13, 14, 25])
    )
    found = process(
        ratings_of(*rows), split="temporal", valid_from="1970-01-11", test_from="1970-01-21"
    )
    Interactions.check(on_engine(found), "interactions")
    splits = found.groupby(c.USER)[c.SPLIT].agg(list).to_dict()
    assert splits == {
        "1": [c.TRAIN] * 3 + [c.VALID, c.CONTEXT, c.CONTEXT, c.TEST],
        "2": [c.TRAIN] * 5,  # nothing to ask about
        "3": [c.TRAIN, c.VALID, c.CONTEXT, c.CONTEXT, c.TEST],
        "5": [c.CONTEXT] * 4 + [c.TEST],  # came after training: known by its history only
    }  # user 4 came after the cut: no history to ask with


def seconds(user, *times):
    return [(user, 100 * user + n, 1.0, time) for n, time in enumerate(times)]


def test_whole_seconds_are_held_out():
    rows = seconds(1, 0, 5, 5, 7, 7, 7) + seconds(2, 3, 3, 3, 9, 9) + seconds(3, 4, 4, 4)
    rows += seconds(4, 1, 2, 2, 8)
    found = process(ratings_of(*rows), tie_policy="group", user_core=3)
    Interactions.check(on_engine(found), "interactions")
    assert found.groupby(c.USER)[c.SPLIT].agg(list).to_dict() == {
        "1": [c.TRAIN, c.VALID, c.VALID_TIED, c.TEST, c.TEST_TIED, c.TEST_TIED],
        "2": [c.TRAIN] * 3 + [c.TEST, c.TEST_TIED],  # nothing before the last but one
        "3": [c.TRAIN] * 3,  # nothing to ask with
        "4": [c.TRAIN, c.VALID, c.VALID_TIED, c.TEST],
    }
    assert (found[found[c.SPLIT] == c.TEST][c.DELTA] > 0).all()


def test_a_temporal_split_holds_out_whole_seconds_too():
    rows = seconds(1, 0, 11, 11, 12, 21, 21, 22) + seconds(2, 0, 1, 2, 2)
    rows += seconds(3, 11, 11, 12, 25, 25) + seconds(4, 23, 23, 23)
    cuts = {"valid_from": "1970-01-01T00:00:10", "test_from": "1970-01-01T00:00:20"}
    options = {"tie_policy": "group", "user_core": 3, "split": "temporal", **cuts}
    found = process(ratings_of(*rows), **options)
    Interactions.check(on_engine(found), "interactions")
    assert found.groupby(c.USER)[c.SPLIT].agg(list).to_dict() == {
        "1": [c.TRAIN, c.VALID, c.VALID_TIED, c.CONTEXT, c.TEST, c.TEST_TIED],
        "2": [c.TRAIN] * 4,
        "3": [c.CONTEXT] * 3 + [c.TEST, c.TEST_TIED],
    }  # user 4 began in the second that would be asked about


def test_temporal_cuts_can_be_quantiles():
    rows = [row for user in range(1, 9) for row in walk(user, range(user, user + 12))]
    found = process(ratings_of(*rows), split="temporal", valid_from=0.6, test_from=0.8)
    times = np.array([row[3] for row in rows])
    valid_from, test_from = (np.quantile(times, q) for q in (0.6, 0.8))
    assert (found[c.SPLIT] == c.TRAIN).sum() == (times < valid_from).sum()
    test = found[found[c.SPLIT] == c.TEST]
    assert (test[c.TIMESTAMP] >= test_from).all()
    assert (found[found[c.SPLIT] == c.CONTEXT][c.TIMESTAMP] < test_from).all()
    assert test[c.USER].is_unique


@pytest.mark.parametrize(
    ("cuts", "complaint"),
    [
        ({"valid_from": 0.9, "test_from": 0.8}, "valid_from must lie before"),
        ({"valid_from": 0.5, "test_from": "2030-01-01"}, "no user has interactions before and"),
    ],
)
def test_a_cut_that_leaves_nothing_to_test_is_refused(cuts, complaint):
    rows = [row for user in range(1, 9) for row in walk(user, range(12))]
    with pytest.raises(ProjectError, match=complaint):
        process(ratings_of(*rows), split="temporal", **cuts)

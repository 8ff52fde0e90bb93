import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrec import columns as c
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import clean_ratings, filter_core, order_history
from seqrec.pipelines.recbole_format.nodes import describe_interactions
from seqrec.schemas import Interactions, Ratings
from tests.conftest import process


def ratings_of(*rows):
    return pd.DataFrame(rows, columns=[c.USER, c.ITEM, c.RATING, c.TIMESTAMP])


def test_cleaning_types_columns_and_drops_exact_repetitions():
    raw = ratings_of((1, 7, 4, 100), (1, 7, 2, 100), (1, 7, 5, 101), (2, 7, 1, 100))
    ratings = clean_ratings(raw, DataProcessing())
    assert ratings[c.RATING].tolist() == [4.0, 5.0, 1.0]
    assert ratings[c.USER].tolist() == ["1", "1", "2"]
    Ratings.validate(ratings)


def test_the_rating_threshold_is_inclusive():
    raw = ratings_of((1, 7, 4.0, 1), (1, 8, 3.5, 2), (1, 9, 4.5, 3))
    assert clean_ratings(raw, DataProcessing(min_rating=4.0))[c.ITEM].tolist() == ["7", "9"]


random_ratings = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(1.0), st.integers(0, 20)),
    min_size=30,
    max_size=120,
)


@given(random_ratings, st.integers(3, 4), st.integers(1, 4))
def test_the_core_is_the_largest_that_is_dense_enough(rows, user_core, item_core):
    options = DataProcessing(user_core=user_core, item_core=item_core)
    ratings = clean_ratings(ratings_of(*rows), options)
    kept = [*zip(ratings[c.USER], ratings[c.ITEM], strict=True)]
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
    core = filter_core(ratings, options)
    assert [*zip(core[c.USER], core[c.ITEM], strict=True)] == kept


def test_histories_are_in_order_of_time_with_exact_gaps():
    times = [883_000_000, 883_000_001, 883_000_001, 883_000_065, 900_000_000]
    interactions = process(ratings_of(*((1, item, 1.0, t) for item, t in enumerate(times))))
    assert interactions[c.DELTA].tolist() == [0, 1, 0, 64, 16_999_935]
    assert interactions[c.POSITION].tolist() == [0, 1, 2, 3, 4]
    assert interactions[c.SPLIT].tolist() == [c.TRAIN] * 3 + [c.VALID, c.TEST]
    Interactions.validate(interactions)


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

    ratings = clean_ratings(tied(range(5)), DataProcessing())
    ordered = order_history(ratings, DataProcessing(seed=9))
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
    stats = describe_interactions(process(ratings_of(*rows)))
    assert stats["users"] == 2
    assert stats["items"] == 6
    assert stats["interactions"] == 11
    assert stats["sparsity"] == pytest.approx(1 - 11 / 12, abs=1e-6)
    assert stats["mean_length"] == 5.5
    assert stats["tied_steps"] == pytest.approx(3 / 9, abs=1e-4)
    assert stats["users_with_tied_last"] == 0.5
    assert stats["first_time"] == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        (c.TIMESTAMP, -1, "in_range"),
        (c.SPLIT, c.TRAIN, "ends on one valid and one test"),
        (c.POSITION, 7, "positions count"),
    ],
)
def test_the_contract_refuses_what_no_model_should_see(column, value, complaint):
    import pandera.errors

    broken = process(ratings_of(*((1, item, 1.0, item) for item in range(6))))
    broken.loc[5, column] = value
    with pytest.raises(pandera.errors.SchemaErrors, match=complaint):
        Interactions.validate(broken, lazy=True)


def test_time_is_int64_throughout():
    interactions = process(ratings_of(*((1, item, 1.0, 2**32 + item) for item in range(6))))
    assert interactions[c.TIMESTAMP].dtype == np.int64
    assert interactions[c.DELTA].tolist() == [0, 1, 1, 1, 1, 1]

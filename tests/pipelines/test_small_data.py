"""A newcomer's toy table runs from end to end, or is refused before anything is trained."""

import numpy as np
import pandas as pd
import pytest

from seqrec.errors import ProjectError
from seqrec.parameters import Evaluation, Recommend
from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.data_processing import nodes
from seqrec.pipelines.evaluation.nodes import compare_models, measure_ranks, subtract_models
from seqrec.pipelines.recbole_format.nodes import describe_interactions
from seqrec.pipelines.recommend.nodes import recommend_items
from seqrec.ranking.popularity import rank_by_popularity
from seqrec.recbole_bridge.api import rank
from seqrec.tables import columns as c
from tests.conftest import CPU, on_engine, options_of, process
from tests.recbole_bridge.helpers import train_of

EVALUATION = Evaluation(bootstrap_samples=50)


def table_of(users, items, length, gap=10):
    """Users walk round a ring of items."""
    rows = [
        (user, (user + step) % items, 1.0, 1000 * user + gap * step)
        for user in range(users)
        for step in range(length)
    ]
    return pd.DataFrame(rows, columns=[c.USER, c.ITEM, c.RATING, c.TIMESTAMP])


TOYS = {
    "5 users, 6 items": (table_of(5, 6, 6), {"item_core": 5}),
    "one user": (table_of(1, 9, 8), {}),
    "19 items": (table_of(19, 19, 7), {}),
    "two users": (table_of(2, 5, 4), {"user_core": 3}),
}


@pytest.mark.parametrize("toy", list(TOYS))
def test_a_toy_is_trained_ranked_and_compared(make_files, toy):
    table, options = TOYS[toy]
    interactions = process(table, **options)
    files = make_files(interactions)
    metrics = {"popularity": measure_ranks(rank_by_popularity(interactions), EVALUATION)}
    for name in ("ss4rec", "ncf"):
        artifact, log = train_of(name, files, epochs=1)
        assert np.isfinite(log["NDCG@10"]).all()
        ranks = rank(artifact, files, CPU)
        assert ranks[c.RANK].between(1, interactions[c.ITEM].nunique()).all()
        metrics[name] = measure_ranks(ranks, EVALUATION)
    comparison = compare_models(EVALUATION, **metrics)
    assert np.isfinite(comparison[["mean", "low", "high"]]).all(axis=None)
    subtract_models(EVALUATION, **metrics)
    runs = pd.concat([m.assign(**{c.MODEL: name}) for name, m in metrics.items()])
    sliced = slice_runs(runs, interactions, EVALUATION)
    assert set(sliced["users"]) <= set(range(1, 20))


def test_validation_metrics_are_the_same_whatever_the_largest_cutoff(make_files):
    """With 6 items RecBole is told of 6 ranks, not 20: what it counts must be the same."""
    files = make_files(process(table_of(5, 6, 6)))
    _, log = train_of("ss4rec", files, epochs=1, valid_mask="unmasked")
    last = log.iloc[-1]
    assert last["HR@20"] == last["HR@10"] == 1.0  # whoever ranks six items finds each of them
    assert 0 < last["NDCG@5"] <= last["NDCG@10"] == last["NDCG@20"]


REFUSED = {
    "three interactions each": (table_of(6, 5, 3), {"user_core": 3}, "two training interactions"),
    "two moments each": (
        table_of(6, 8, 7).assign(timestamp=lambda t: t[c.TIMESTAMP] // 10 % 100 // 4),
        {"tie_policy": "group"},
        "a validation interaction: .*tie_policy=group",
    ),
    "one moment each": (
        table_of(6, 8, 7, gap=0),
        {"tie_policy": "group"},
        "a validation interaction",
    ),
    "nothing between the cuts": (
        table_of(6, 8, 7).assign(timestamp=lambda t: t[c.TIMESTAMP] % 1000 // 10 * 86_400),
        {"split": "temporal", "valid_from": "1970-01-04T12:00", "test_from": "1970-01-04T13:00"},
        "a validation interaction: .*split=temporal",
    ),
}


@pytest.mark.parametrize("why", list(REFUSED))
def test_what_cannot_be_trained_or_tested_is_refused_before_the_training(why):
    table, options, complaint = REFUSED[why]
    interactions = on_engine(process(table, **options))
    with pytest.raises(ProjectError, match=rf"none of the \d users has {complaint}") as told:
        describe_interactions(interactions)
    assert "\n" not in str(told.value)


def test_a_cutoff_beyond_the_catalogue_is_said_once(caplog):
    ranks = rank_by_popularity(process(table_of(5, 6, 6)))
    beyond = Evaluation(cutoffs=(5, 10, 77))
    for _ in range(2):
        values = measure_ranks(ranks, beyond)
    assert (values["HR@77"] == 1).all()
    (line,) = caplog.messages
    assert line == ("evaluation.cutoffs: at most 6 items are ranked, so HR@77 is 1 for everybody")


def test_nothing_left_to_recommend_is_said(make_files):
    files = make_files(process(table_of(5, 6, 6)))
    artifact, _ = train_of("ss4rec", files, epochs=1)
    options = Recommend(moments={"now": 1.0})
    with pytest.raises(ProjectError, match="every user has seen every item"):
        recommend_items(artifact, files, CPU, options, pd.DataFrame())


def test_a_core_that_leaves_nothing_says_what_to_lower():
    parameters = options_of(user_core=5, item_core=5)
    ratings = nodes.clean_ratings(on_engine(table_of(1, 9, 8)), parameters)
    with pytest.raises(ProjectError, match=r"5/5-core: lower data_processing\.user_core or"):
        nodes.filter_core(ratings, parameters)

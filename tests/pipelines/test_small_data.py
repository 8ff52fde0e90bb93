"""A newcomer's toy table runs from end to end, or is refused before anything is trained."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.histories.loaders import make_train_loader
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
from tests.histories.test_negatives import with_items
from tests.recbole_bridge.helpers import loaders_of, train_of

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


def with_a_user_of_everything(users):
    """Temporal split: one user has had all of 8 items before the others began."""
    full = table_of(1, 8, 8).assign(**{c.USER: 99, c.TIMESTAMP: range(-8, 0)})
    table = pd.concat([full, table_of(users, 8, 6)]) if users else full
    shifted = table.assign(**{c.TIMESTAMP: table[c.TIMESTAMP] + 10})
    return process(shifted, split="temporal", user_core=3, valid_from=0.6, test_from=0.8)


WITH_NEGATIVES = [
    ("ncf", {"loss_type": "BCE"}),
    ("ncf", {"loss_type": "BPR"}),
    ("ss4rec", {"loss_type": "BPR"}),
    ("ss4rec", {"loss_type": "BPR", "training_mode": "prefix"}),
]


@pytest.mark.parametrize(("name", "changes"), WITH_NEGATIVES)
def test_who_has_had_every_item_is_left_out_where_negatives_are_drawn(
    make_files, name, changes, caplog
):
    files = make_files(with_a_user_of_everything(12))
    artifact, log = train_of(name, files, epochs=1, **changes)
    assert np.isfinite(log["loss"]).all()
    assert rank(artifact, files, CPU)[c.RANK].between(1, 8).all()
    (said,) = (line for line in caplog.messages if "no negative" in line)
    assert said == (
        f"{name}: 1 of {files.stats['users']} users have interacted with all 8 items in training: "
        "no negative can be drawn for them, and they are left out of its training"
    )


@pytest.mark.parametrize(("name", "changes"), WITH_NEGATIVES)
def test_everybody_else_is_learned_from(make_files, name, changes):
    loaders = loaders_of(name, make_files(with_a_user_of_everything(12)), **changes)
    histories = loaders.feed.histories
    id_of = loaders.dataset.field2token_id[c.USER]
    loaders.train.start(0)
    visited = [
        part[c.USER] for step in loaders.train.parts(0) for part in map(loaders.train.expand, step)
    ]
    users = set(torch.cat(visited).tolist()) - {0}
    with_targets = set(histories.users[histories.splits == 0].tolist())
    assert users == with_targets - {id_of["99"]}


@pytest.mark.parametrize(
    ("name", "remedy"), [("ncf", "it takes users who have not"), ("ss4rec", "loss_type=CE")]
)
def test_it_is_said_if_nobody_is_left(files, name, remedy):
    feed = loaders_of(name, files, loss_type="BPR").feed
    everything = np.arange(1, feed.n_items)
    histories = with_items([len(everything)], everything)
    loader = make_train_loader(replace(feed, histories=histories, n_users=2))
    with pytest.raises(ProjectError, match=f"{name}: every user has interacted .*{remedy}$"):
        loader.start(0)


def test_nobody_is_left_out_where_no_negatives_are_drawn(make_files, caplog):
    train_of("ss4rec", make_files(with_a_user_of_everything(12)), epochs=1, loss_type="CE")
    assert not [line for line in caplog.messages if "left out" in line]


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

"""An ensemble ranks, and lists, by the mean of its members' log-probabilities."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.histories.held_out import HeldOutLoader
from seqrec.models.artifact import KeptTraining
from seqrec.parameters import Recommend, Runtime
from seqrec.recbole_bridge.api import load, rank, recommend
from seqrec.recbole_bridge.ensemble import rank_ensemble, recommend_by_ensemble
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from seqrec.tables.schemas import TargetRanks
from tests.conftest import CPU, MODEL_OF, cyclic_ratings, process
from tests.recbole_bridge.helpers import train_of

KEYS = [c.USER, c.MASK, c.QUERY_TIME]
LISTS = Recommend(k=4, moments={"now": 0.01, "in a month": 720})
# What differs between the members: histories packed or padded, short or long, or none at all.
MIXED = [
    ("ss4rec", {"seed": 1}, {}),
    ("ss4rec", {"seed": 2}, {"max_length": 3}),
    ("sasrec", {}, {}),
    ("ncf", {}, {}),
]


def kept(files, name, training, model, version="v"):
    own = MODEL_OF[name](**model)
    return KeptTraining(version, train_of(name, files, own, learning_rate=0.05, **training)[0])


def members_of(files, *chosen):
    return [kept(files, *one, version=f"v{n}") for n, one in enumerate(chosen)]


@pytest.fixture
def mixed(files):
    return members_of(files, *MIXED)


@torch.inference_mode()
def log_softmax_of(artifact, files, query_time):
    """Each user's log-probabilities of all items, in float64 and by the formula."""
    parts = load(artifact, files, CPU)
    found = {}
    for batch in HeldOutLoader(parts.feed, c.TEST, query_time):
        raw = parts.recommender.full_sort_predict(batch).view(-1, parts.feed.n_items)
        for user, scores in zip(batch[c.USER].tolist(), raw.double().numpy(), strict=True):
            row = scores[1:] - scores[1:].max()
            found[parts.dataset.field2id_token[c.USER][user]] = row - np.log(np.exp(row).sum())
    return found, parts.dataset.field2id_token[c.ITEM][1:]


def by_hand(members, files, interactions):
    """Rank by a loop over users, from the members' log-probabilities."""
    before = interactions[~interactions[c.SPLIT].isin([c.TEST, c.TEST_TIED])]
    seen = before.groupby(c.USER)[c.ITEM].agg(set)
    test = interactions[interactions[c.SPLIT] == c.TEST].set_index(c.USER)[c.ITEM]
    beside = interactions[interactions[c.SPLIT] == c.TEST_TIED].groupby(c.USER)[c.ITEM].agg(set)
    rows = []
    for query_time in c.QUERY_TIMES:
        tables = [log_softmax_of(member.artifact, files, query_time) for member in members]
        items = tables[0][1]
        for user, target in test.items():
            mean = np.mean([table[user] for table, _ in tables], axis=0)
            tied = beside.get(user, set())
            own = mean[np.isin(items, [target, *tied])].max()
            for mask in c.MASKS:
                out = (seen[user] if mask == c.MASKED else set()) | tied | {target}
                shown = mean[~np.isin(items, list(out))]
                rank = 1 + (shown > own).sum() + (shown == own).sum() / 2
                rows.append((user, mask, query_time, rank, len(shown) + 1))
    return pd.DataFrame(rows, columns=[*KEYS, c.RANK, c.CANDIDATES])


def ordered(table):
    wanted = [*KEYS, c.RANK, c.CANDIDATES]
    return table[wanted].sort_values(KEYS, ignore_index=True).astype({c.RANK: float})


@pytest.mark.parametrize("batch", [256, 5])
def test_ranks_are_those_of_the_mean_log_softmax(mixed, files, interactions, batch):
    ranks = rank_ensemble(mixed, files, Runtime(device="cpu", eval_batch_size=batch))
    TargetRanks.validate(ranks)
    pd.testing.assert_frame_equal(ordered(ranks), ordered(by_hand(mixed, files, interactions)))
    each = [ordered(rank(member.artifact, files, CPU)) for member in mixed]
    assert not any(ordered(ranks).equals(own) for own in each)


@pytest.mark.parametrize("name", MODEL_OF)
def test_one_member_alone_ranks_as_it_does_by_itself(name, files):
    (member,) = members_of(files, (name, {}, {}))
    pd.testing.assert_frame_equal(
        rank_ensemble([member], files, CPU), rank(member.artifact, files, CPU)
    )


def test_the_same_training_twice_is_the_training_itself(files):
    (member,) = members_of(files, ("bprmf", {}, {}))
    alone = rank(member.artifact, files, CPU)
    pd.testing.assert_frame_equal(rank_ensemble([member] * 2, files, CPU), alone)


@pytest.mark.parametrize("names", [("ss4rec", "ncf"), ("sasrec", "ncf")])
def test_the_query_time_counts_if_a_member_uses_it(names, files):
    ranks = rank_ensemble(members_of(files, *((name, {}, {}) for name in names)), files, CPU)
    known, unknown = (ranks[ranks[c.QUERY_TIME] == time][c.RANK] for time in c.QUERY_TIMES)
    assert (known.to_numpy() != unknown.to_numpy()).any() == ("ss4rec" in names)


@pytest.mark.parametrize("batch", [256, 5])
def test_members_that_do_not_use_time_are_asked_once(mixed, files, batch, monkeypatch):
    asked = {"ss4rec": 0, "sasrec": 0, "ncf": 0}

    def counting(artifact, *others):
        parts = load(artifact, *others)
        name, predict = artifact.config["name"], parts.recommender.full_sort_predict

        def counted(interaction):
            asked[name] += len(interaction[c.USER])
            return predict(interaction)

        parts.recommender.full_sort_predict = counted
        return parts

    monkeypatch.setattr("seqrec.recbole_bridge.ensemble.load", counting)
    ranks = rank_ensemble(mixed, files, Runtime(device="cpu", eval_batch_size=batch))
    users = ranks[c.USER].nunique()
    assert asked == {"ss4rec": 2 * 2 * users, "sasrec": users, "ncf": users}


def test_any_item_of_a_tied_group_counts(make_files):
    """The best of the group's means counts, not the best of each member's own."""
    ratings = cyclic_ratings()
    ratings[c.TIMESTAMP] //= 200_000
    interactions = process(ratings, tie_policy="group")
    files = make_files(interactions)
    assert (interactions[c.SPLIT] == c.TEST_TIED).any()
    members = members_of(files, *MIXED)
    ranks = rank_ensemble(members, files, CPU)
    pd.testing.assert_frame_equal(ordered(ranks), ordered(by_hand(members, files, interactions)))


def test_facts_name_the_members_and_the_data(mixed, files):
    for table in (
        rank_ensemble(mixed, files, CPU),
        recommend_by_ensemble(mixed, files, CPU, LISTS),
    ):
        facts = table.attrs[FACTS]
        assert facts["data"] == files.fingerprint
        assert [member["name"] for member in facts["members"]] == [name for name, _, _ in MIXED]
        assert [member["version"] for member in facts["members"]] == ["v0", "v1", "v2", "v3"]
        assert [member["training"]["seed"] for member in facts["members"]][:2] == [1, 2]
        assert len({member["fingerprint"] for member in facts["members"]}) == 4


def test_lists_are_in_the_order_of_the_mean(mixed, files, interactions):
    lists = recommend_by_ensemble(mixed, files, CPU, LISTS)
    seen = interactions.groupby(c.USER)[c.ITEM].agg(set)
    assert set(lists[c.USER]) == set(seen.index)
    assert (lists[c.SCORE] < 0).all()
    for (user, _), rows in lists.groupby([c.USER, c.MOMENT]):
        assert rows[c.SCORE].is_monotonic_decreasing
        assert not set(rows[c.ITEM]) & seen[user]
    now, later = (lists[lists[c.MOMENT] == moment][c.SCORE] for moment in LISTS.moments)
    assert (now.to_numpy() != later.to_numpy()).any()


def test_lists_of_one_member_are_its_own(files):
    (member,) = members_of(files, ("ss4rec", {}, {}))
    some = LISTS.model_copy(update={"users": ("3", "1")})
    wanted = [c.USER, c.MOMENT, c.PLACE, c.ITEM]
    pd.testing.assert_frame_equal(
        recommend_by_ensemble([member], files, CPU, some)[wanted],
        recommend(member.artifact, files, CPU, some)[wanted],
    )
    unknown = LISTS.model_copy(update={"users": ("nobody",)})
    with pytest.raises(ProjectError, match="user 'nobody' is not in"):
        recommend_by_ensemble([member], files, CPU, unknown)


def test_a_member_of_other_users_and_items_is_refused(files, make_files):
    other = make_files(process(cyclic_ratings(users=20)))
    members = [*members_of(files, ("ss4rec", {}, {})), *members_of(other, ("ncf", {}, {}))]
    with pytest.raises(ProjectError, match=r"ncf\.weights was trained on other users or items"):
        rank_ensemble(members, files, CPU)


def test_a_member_that_gives_nan_is_named(mixed, files):
    weights = {name: value * torch.nan for name, value in mixed[3].artifact.weights.items()}
    broken = KeptTraining("v", type(mixed[3].artifact)(weights, mixed[3].artifact.config))
    with pytest.raises(FloatingPointError, match="NCFRecommender gave scores that are NaN"):
        rank_ensemble([*mixed[:3], broken], files, CPU)

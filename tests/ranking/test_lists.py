"""Lists come from the whole history, for the time that is asked."""

import numpy as np
import pandas as pd
import pytest

from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.parameters import Recommend
from seqrec.pipelines.recommend.nodes import describe_lists, print_lists, recommend_items
from seqrec.recbole_bridge.api import recommend
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from tests.conftest import CPU, MODEL_OF, N_ITEMS
from tests.recbole_bridge.helpers import train_of

OPTIONS = Recommend(k=3, moments={"now": 0.01, "in a month": 720})


@pytest.fixture(scope="module", params=list(MODEL_OF))
def name(request):
    return request.param


def trained(name, files, **changes):
    return train_of(name, files, **changes)[0]


def test_nobody_is_told_what_they_have_seen(name, files, interactions):
    lists = recommend(trained(name, files), files, CPU, OPTIONS)
    seen = interactions.groupby(c.USER)[c.ITEM].agg(set)
    assert set(lists[c.USER]) == set(seen.index)
    assert not any(
        item in seen[user] for user, item in zip(lists[c.USER], lists[c.ITEM], strict=True)
    )
    for _, rows in lists.groupby([c.USER, c.MOMENT]):
        assert rows[c.PLACE].tolist() == list(range(1, len(rows) + 1))
        assert rows[c.SCORE].is_monotonic_decreasing
        assert rows[c.ITEM].is_unique


def test_what_was_seen_can_be_listed_again(files, interactions):
    """A shop sells the same thing twice: every item is listed, in the order of its score."""
    artifact = trained("ss4rec", files)
    everything = OPTIONS.model_copy(update={"k": N_ITEMS})
    again = recommend(artifact, files, CPU, everything.model_copy(update={"exclude_seen": False}))
    assert again.groupby([c.USER, c.MOMENT])[c.ITEM].nunique().eq(N_ITEMS).all()
    key = [c.USER, c.MOMENT, c.ITEM]
    seen = interactions.groupby(c.USER)[c.ITEM].agg(set)
    new = [item not in seen[user] for user, item in zip(again[c.USER], again[c.ITEM], strict=True)]
    unseen = recommend(artifact, files, CPU, everything)
    pd.testing.assert_frame_equal(
        again[new][[*key, c.SCORE]].reset_index(drop=True),
        unseen[[*key, c.SCORE]].reset_index(drop=True),
    )


def test_the_ring_is_continued_after_the_last_item(files, interactions):
    """The held-out items are history now: what comes next is the next on the ring."""
    artifact = trained("ss4rec", files, epochs=40, early_stopping=40)
    lists = recommend(artifact, files, CPU, OPTIONS)
    last = interactions.groupby(c.USER)[c.ITEM].last().astype(int)
    seen = interactions.groupby(c.USER)[c.ITEM].agg(set)
    first = lists[(lists[c.PLACE] == 1) & (lists[c.MOMENT] == "now")].set_index(c.USER)[c.ITEM]
    open_ended = [
        user for user in first.index if str((last[user] + 1) % N_ITEMS) not in seen[user]
    ]
    right = [int(first[user]) == (last[user] + 1) % N_ITEMS for user in open_ended]
    assert np.mean(right) > 0.8


def test_chosen_users_only_and_unknown_ones_are_named(files):
    artifact = trained("ss4rec", files)
    some = OPTIONS.model_copy(update={"users": ("3", "1")})
    assert set(recommend(artifact, files, CPU, some)[c.USER]) == {"1", "3"}
    unknown = OPTIONS.model_copy(update={"users": ("3", "nobody")})
    with pytest.raises(ProjectError, match=r"user .nobody. is not in .* \(1 of 2 are not\)"):
        recommend(artifact, files, CPU, unknown)


def test_only_a_model_that_knows_time_changes_its_mind(name, files):
    artifact = trained(name, files, epochs=3, learning_rate=0.05)
    lists = recommend(artifact, files, CPU, OPTIONS)
    now, later = (lists[lists[c.MOMENT] == moment][c.SCORE] for moment in OPTIONS.moments)
    timeless = not MODELS[name].uses_time or name == "mamba4rec"
    assert (now.to_numpy() == later.to_numpy()).all() == timeless


def test_lists_are_described_and_can_be_read(files, interactions, capsys):
    movies = interactions[[c.ITEM]].drop_duplicates().assign(
        **{c.TITLE: lambda x: "Film " + x[c.ITEM], c.YEAR: 1999, c.GENRES: "War|Drama"}
    )  # fmt: skip
    lists = recommend_items(trained("ss4rec", files), files, CPU, OPTIONS, movies)
    assert lists[c.TITLE].str.startswith("Film ").all()
    figures = describe_lists(lists, interactions, movies)
    facts = figures.pop(FACTS)
    assert list(figures) == list(OPTIONS.moments)
    assert figures["now"]["shared with now"] == 1.0
    assert figures["now"]["genre_diversity"] == 0.0
    assert 0 < figures["now"]["coverage"] <= 1
    users = interactions[c.USER].nunique()
    assert facts["lists"] == {"users": users, "k": 3, "exclude_seen": True}
    assert facts["data"] == files.fingerprint
    assert facts["experiment"]["name"] == "ss4rec"
    print_lists(lists, interactions, movies)
    told = capsys.readouterr().out
    assert "last seen: Film" in told
    assert "in a month" in told


@pytest.mark.parametrize("title", ["[rec] (2007)", "[/b] (1999)", "[bold", "100% [Wolf]"])
def test_titles_with_brackets_are_printed_as_they_are(title, capsys):
    lists = pd.DataFrame({c.USER: ["u"], c.MOMENT: ["[now]"], c.ITEM: ["7"], c.TITLE: [title]})
    interactions = pd.DataFrame({c.USER: ["u"], c.ITEM: ["7"]})
    movies = pd.DataFrame({c.ITEM: ["7"], c.TITLE: [title]})
    print_lists(lists, interactions, movies)
    printed = capsys.readouterr().out
    assert printed.count(title) == 2
    assert "[now]" in printed

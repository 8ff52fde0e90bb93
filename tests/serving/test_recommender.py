"""The Python API gives what the pipelines give, from the folders they write."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec import Recommender
from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.parameters import Recommend
from seqrec.ranking.scoring import target_ranks
from seqrec.recbole_bridge.api import rank, recommend
from seqrec.tables import columns as c
from tests.conftest import CPU

SEQUENTIAL = [name for name, spec in MODELS.items() if spec.uses_history]
PAIRS = [name for name, spec in MODELS.items() if not spec.uses_history]


def rank_among(scores, row, hidden):
    """Rank one item, without those that are hidden; tied scores share their mean rank."""
    scores = torch.tensor(scores)[None].clone()
    scores[0, [other for other in hidden if other != row]] = -torch.inf
    return float(target_ranks(scores, torch.tensor([row]))[0])


def ranks_of(home, name, scores_of):
    """Ranks of every user's test item under each protocol, from a way to score."""
    recommender = home.recommender(name)
    found = {}
    for user in home.interactions[c.USER].unique():
        item, at = home.test_event(user)
        seen = [recommender.row_of(each) for each, _, _ in home.events(user)]
        for query_time, when in ((c.KNOWN, at), (c.UNKNOWN, None)):
            scores = scores_of(user, when)
            for mask, hidden in ((c.MASKED, seen), (c.UNMASKED, [])):
                place = rank_among(scores, recommender.row_of(item), hidden)
                found[user, mask, query_time] = place
    return found


def ranks_of_pipeline(home, name):
    table = rank(home.artifact(name), home.files, CPU)
    return table.set_index([c.USER, c.MASK, c.QUERY_TIME])[c.RANK].to_dict()


def test_ranks_are_those_of_the_pipeline(home, name):
    recommender = home.recommender(name)

    def scores_of(user, at):
        asked = {"history": home.events(user)} if name in SEQUENTIAL else {"user": user}
        return recommender.scores(**asked, at=at)

    assert ranks_of(home, name, scores_of) == ranks_of_pipeline(home, name)


def test_a_session_that_has_grown_ranks_like_the_pipeline(home, name):
    if name in PAIRS:
        pytest.skip("reads no histories")

    def scores_of(user, at):
        events = home.events(user)
        session = home.recommender(name).session(events[:2])
        session.recommend()
        for item, time, rating in events[2:]:
            session.add(item, time, rating)
        return session.scores(at=at)

    assert ranks_of(home, name, scores_of) == ranks_of_pipeline(home, name)


def test_lists_of_known_users_are_those_of_the_pipeline(home, name):
    options = Recommend(k=5, moments={"tonight": 8})
    theirs = recommend(home.artifact(name), home.files, CPU, options)
    last = home.interactions.groupby(c.USER)[c.TIMESTAMP].max()
    users = theirs[c.USER].unique().tolist()
    ours = home.recommender(name).recommend(
        user=users, at=[int(last[user]) + 8 * 3600 for user in users], k=5
    )
    listed = {user: [item.item for item in items] for user, items in zip(users, ours, strict=True)}
    assert listed == theirs.groupby(c.USER)[c.ITEM].agg(list).to_dict()


def test_many_at_once_are_as_one_by_one(home):
    recommender = home.recommender("ss4rec")
    histories = [home.events(str(user)) for user in range(5)]
    times = [events[-1][1] + 60 for events in histories]
    together = recommender.recommend(histories, at=times, k=4)
    apart = [recommender.recommend(h, at=t, k=4) for h, t in zip(histories, times, strict=True)]
    assert [items.titles for items in together] == [items.titles for items in apart]


def test_titles_ids_and_kinds_of_time_mean_the_same(home):
    recommender = home.recommender("ss4rec")
    first, second = 1_000_000_000, 1_000_000_600
    plain = recommender.recommend([("3", first), ("4", second)], at=second + 60)
    spelled = [
        ("The film 3 (1993)", datetime.fromtimestamp(first, UTC)),
        ("FILM 4, the (1994)", "2001-09-09T01:56:40"),
    ]
    assert recommender.recommend(spelled, at="2001-09-09T01:57:40") == plain
    assert recommender.recommend(spelled[::-1], at=second + 60.7) == plain
    assert str(plain).splitlines()[0] == f"  1  {plain[0].label}"


def test_the_time_of_the_question_moves_the_list(home):
    recommender = home.recommender("ss4rec")
    scores = [recommender.scores([("3", 10), ("4", 20)], at=at) for at in (20, 10**6, None)]
    assert not np.allclose(scores[0][1:], scores[1][1:])
    assert not np.allclose(scores[0][1:], scores[2][1:])


def test_filters_leave_what_was_asked_for(home):
    recommender = home.recommender("ss4rec_plus")
    history = [("3", 10, 4.0), ("4", 20, 5.0)]
    everything = recommender.recommend(history, k=100)
    assert {"3", "4"}.isdisjoint(item.item for item in everything)
    assert len(everything) == len(recommender.items) - 1 - 2
    again = recommender.recommend(history, k=100, exclude_seen=False)
    assert {"3", "4"} <= {item.item for item in again}
    noir = recommender.recommend(history, genre="film-noir", k=100)
    assert [item.item for item in noir] == [x.item for x in everything if "Film-Noir" in x.genres]
    both = recommender.recommend(history, genre=["Hip Hop", "Drama"], year=(1995, 1997), k=100)
    assert {item.year for item in both} == {1995, 1996, 1997}
    few = recommender.recommend(history, among=["7", "The Film 8 (1998)"], year=1998)
    assert [item.item for item in few] == ["8"]


def test_unknown_items_are_named_and_left_out(home):
    recommender = home.recommender("ss4rec")
    with pytest.warns(UserWarning, match=r"'Film 33.*did you mean") as warned:
        listed = recommender.recommend([("3", 10), ("Film 33, The (1993)", 15), ("4", 20)])
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert listed == recommender.recommend([("3", 10), ("4", 20)])
    assert listed.unknown == ("Film 33, The (1993)",)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "a history or a user"),
        ({"history": [], "user": "3"}, "a history or a user"),
        ({"history": []}, "no item that the model knows"),
        ({"history": [("3", 10)], "at": 5}, "before the last event"),
        ({"history": [("3", -1)]}, "between 1970 and 2286"),
        ({"history": [("3", 1_700_000_000_000)]}, "milliseconds"),
        ({"history": [("3", float("nan"))]}, "between 1970 and 2286"),
        ({"history": [("3", "soon")]}, "is no time"),
        ({"history": [("3", True)]}, "is no time"),
        ({"history": ["3"]}, "is no event"),
        ({"history": [("3", 1, 2, 3)]}, "is no event"),
        ({"history": [("3", 10, float("inf"))]}, "out of range"),
        ({"history": [("3", 10, "good")]}, "is no number"),
        ({"history": [("3", 10)], "k": 0}, "no number of items"),
        ({"history": [("3", 10)], "genre": "Westen"}, "genre 'Westen' is not known"),
        ({"history": [("3", 10)], "among": ["nothing"]}, "'nothing' is no item"),
        ({"history": [("3", 10)], "among": "3"}, "give a list"),
        ({"history": [("3", 10)], "year": 1800}, "no item is left"),
        ({"history": [[("3", 10)], [("4", 10)]], "at": [1]}, "1 times for 2 lists"),
        ({"user": "nobody"}, "is not among the 40"),
        ({"user": ["3", "nobody"]}, "is not among the 40"),
    ],
)
def test_a_wrong_question_is_refused_in_one_line(home, asked, message):
    with pytest.raises(ProjectError, match=message) as refused:
        home.recommender("ss4rec").recommend(**asked)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", PAIRS)
def test_a_model_of_pairs_refuses_new_users(home, name):
    recommender = home.recommender(name)
    for ask in (recommender.recommend, recommender.session, lambda h: recommender.explain("3", h)):
        with pytest.raises(ProjectError, match=r"knows the 40 users.*reads no histories"):
            ask([("3", 10)])


def test_a_model_without_its_data_serves_new_users(home, tmp_path):
    alone = tmp_path / "elsewhere"
    shutil.copytree(home.model("ss4rec"), alone)
    recommender = Recommender.load(alone)
    events = home.events("3")
    assert recommender.recommend(events) == home.recommender("ss4rec").recommend(events)
    with pytest.raises(ProjectError, match="give data="):
        recommender.recommend(user="3")
    with_data = Recommender.load(alone, data=home.folder / "05_model_input/toy")
    assert with_data.recommend(user="3") == home.recommender("ss4rec").recommend(user="3")


def test_a_model_of_pairs_names_its_users_itself(home, tmp_path):
    alone = tmp_path / "elsewhere"
    shutil.copytree(home.model("ncf"), alone)
    ours = Recommender.load(alone).recommend(user="3", exclude_seen=False)
    assert ours == home.recommender("ncf").recommend(user="3", exclude_seen=False)
    with pytest.raises(ProjectError, match="give data="):
        Recommender.load(alone).recommend(user="3")


def test_folders_and_versions_are_found(home, tmp_path):
    place = tmp_path / "ss4rec" / "weights"
    home.save("ss4rec", place, "first")
    home.save("ss4rec", place, "second", d_state=8)
    newest = Recommender.load(tmp_path / "ss4rec")
    assert newest.version == "second"
    assert Recommender.load(place).version == "second"
    assert Recommender.load(tmp_path / "ss4rec", version="first").version == "first"
    assert Recommender.load(place / "first").version == "first"
    assert Recommender.load(place / "first" / "weights").version == "first"
    shutil.copytree(place / "first" / "weights", tmp_path / "on-a-hub")
    assert Recommender.load(tmp_path / "on-a-hub").version == "on-a-hub"
    with pytest.raises(ProjectError, match=r"has no version third; the newest are first, second"):
        Recommender.load(tmp_path / "ss4rec", version="third")


def test_what_is_no_model_is_refused(home, tmp_path):
    (tmp_path / "empty").mkdir()
    for place, message in (
        (tmp_path / "nothing", "there is no folder"),
        (tmp_path / "empty", "holds no trained model"),
        (tmp_path / "popularity", "ranks without being trained"),
        ("nothing.weights", "is no Kedro project"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            with pytest.raises(ProjectError, match=message):
                Recommender.load(place)
    with pytest.raises(ProjectError, match="holds no data that"):
        Recommender.load(home.model("ss4rec"), data=tmp_path / "empty")


def damage(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "item_id.parquet"])
def test_a_damaged_file_is_refused(home, tmp_path, file):
    place = tmp_path / "ss4rec"
    home.save("ss4rec", place / "weights", "only")
    damage(place / "weights" / "only" / "weights" / file)
    with pytest.raises(ProjectError, match=f"{file}.*is not what was written"):
        Recommender.load(place)


def test_damaged_data_are_refused(home, tmp_path):
    shutil.copytree(home.folder / "05_model_input", tmp_path / "data")
    (file,) = (tmp_path / "data").rglob("interactions.parquet")
    damage(file)
    with pytest.raises(ProjectError, match=r"interactions.parquet.*is not what was written"):
        Recommender.load(home.model("ss4rec"), data=tmp_path / "data/toy").recommend(user="3")


def test_a_model_of_an_earlier_version_takes_its_titles_from_the_data(home, tmp_path):
    place = tmp_path / "06_models/toy/ss4rec/weights/old/weights"
    shutil.copytree(home.model("ss4rec") / "weights" / "2026-01-01T00.00.00.000Z/weights", place)
    (place / "item_id.parquet").unlink()
    with pytest.raises(
        ProjectError, match=r"does not say what its items are called.*give the data"
    ):
        Recommender.load(place)
    shutil.copytree(home.folder / "05_model_input", tmp_path / "05_model_input")
    old = Recommender.load(place)
    assert old.recommend(user="3") == home.recommender("ss4rec").recommend(user="3")


def test_what_is_known_of_items_comes_with_the_model(home):
    item = home.recommender("ss4rec").recommend([("3", 10)], k=1)[0]
    number = int(item.item)
    assert item.title == f"Film {number}, The ({1990 + number})"
    assert item.year == 1990 + number
    assert item.genres == (("Drama", "Film-Noir") if number % 2 else ("Hip Hop",))
    saved = home.artifact("ss4rec").items
    assert list(saved.columns) == [c.ITEM, c.TITLE, c.YEAR, c.GENRES]
    assert home.artifact("ss4rec").users is None
    pd.testing.assert_frame_equal(home.artifact("ncf").users, home.files.users())


def test_an_unknown_time_is_the_median_interval_or_is_told_as_unknown(home):
    history = [("3", 100), ("4", 100), ("5", 107), ("6", 1107)]  # intervals 0, 7 and 1000
    for name, same in (("ss4rec", True), ("hstu", True), ("ss4rec_plus", False)):
        recommender = home.recommender(name)
        unknown = recommender.scores(history)[1:]
        assert np.allclose(unknown, recommender.scores(history, at=1107 + 7)[1:]) == same
        assert not np.allclose(unknown, recommender.scores(history, at=1107 + 700)[1:])

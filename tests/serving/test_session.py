"""A session's state grows by a step, and says what reading its history anew says."""

import numpy as np
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.serving.session import Session
from seqrec.serving.streams import make_stream
from tests.conftest import MODEL_OF

GROWING = ["ss4rec", "ss4rec_plus", "mamba4rec"]


def test_which_models_grow(home):
    grows = {name for name in MODEL_OF if home.recommender(name).stream is not None}
    assert grows == set(GROWING)


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.uses_history])
def test_every_event_changes_the_list_as_reading_anew_does(home, name):
    recommender = home.recommender(name)
    events = home.events("5")
    session = recommender.session()
    for number, (item, time, rating) in enumerate(events, start=1):
        session.add(item, time, rating)
        for at in (time, time + 86_400, None):
            anew = recommender.scores(events[:number], at=at)
            np.testing.assert_allclose(session.scores(at=at), anew, rtol=1e-4, atol=1e-5)
    assert len(session) == len(events)
    assert session.history == [(item, time) for item, time, _ in events]
    assert session.recommend(k=3).titles == recommender.recommend(events, k=3).titles
    only = session.recommend(genre="Drama", exclude_seen=False, k=100)
    assert (
        only.titles
        == recommender.recommend(events, genre="Drama", exclude_seen=False, k=100).titles
    )


@pytest.mark.parametrize("name", GROWING)
def test_one_more_event_costs_one_step(home, name, monkeypatch):
    recommender = home.recommender(name)
    session = recommender.session(home.events("5"))
    session.scores()
    steps = []
    network = recommender.scorer.network
    block = network.blocks[0]
    forward = block.forward
    monkeypatch.setattr(
        block, "forward", lambda x, *rest: steps.append(x.shape[1]) or forward(x, *rest)
    )
    time = session.history[-1][1]
    session.add("2", time + 60)
    session.scores(at=time + 120)
    assert sum(steps) <= 2


@pytest.mark.parametrize("name", GROWING)
def test_a_long_session_keeps_to_what_the_model_has_learned_to_read(home, name):
    """The state is made anew from the last events when it holds twice as many as a window."""
    recommender = home.recommender(name)
    window = recommender.scorer.max_length
    events = [(str(step % 20), 1000 + 60 * step) for step in range(2 * window + 1)]
    session = recommender.session(events[:1])
    for item, time in events[1:]:
        session.scores(at=session.history[-1][1])
        session.add(item, time)
    anew = recommender.scores(events[-window:], at=events[-1][1])
    np.testing.assert_allclose(session.scores(at=events[-1][1]), anew, rtol=1e-4, atol=1e-5)


def test_states_of_many_can_be_grown_together(home):
    """What the service does: B sessions in one step."""
    for name in GROWING:
        recommender = home.recommender(name)
        stream = make_stream(recommender.scorer)
        reads = [recommender.read(home.events(user)).history for user in ("1", "5", "9")]
        states = [stream.begin(read[:-1]) for read in reads]
        together = tuple(torch.cat(parts) for parts in zip(*states, strict=True))
        latest = [read[-1:] for read in reads]
        events = type(reads[0])(
            *(np.concatenate([getattr(x, field) for x in latest])
              for field in ("items", "times", "ratings"))
        )  # fmt: skip
        gaps = torch.tensor([float(read.times[-1] - read.times[-2]) for read in reads])
        grown = stream.grow(together, events, gaps)
        asked = stream.ask(grown, torch.full((3,), 60.0))
        for row, read in enumerate(reads):
            alone = stream.ask(stream.begin(read), torch.tensor([60.0]))
            torch.testing.assert_close(asked[row : row + 1], alone, rtol=1e-4, atol=1e-5)


def test_a_session_begins_with_a_known_user(home):
    recommender = home.recommender("ss4rec")
    session = recommender.session(user="3")
    assert session.recommend().titles == recommender.recommend(user="3").titles
    later = session.history[-1][1] + 10
    more = recommender.session([("2", later)], user="3")
    assert more.history == [*session.history, ("2", later)]


def test_a_wrong_event_is_refused_and_changes_nothing(home):
    session = home.recommender("ss4rec").session([("5", 40), ("3", 100)])
    before = session.recommend()
    for wrong, message in (
        (("nothing", 200), "is no item"),
        (("4", 50), "before the last event"),
        (("4", 200, "good"), "is no number"),
        (("4", "later"), "is no time"),
    ):
        with pytest.raises(ProjectError, match=message):
            session.add(*wrong)
    assert session.recommend() == before
    with pytest.raises(ProjectError, match="before the last event"):
        session.recommend(at=50)
    with pytest.raises(ProjectError, match="has no event yet"):
        home.recommender("ss4rec").session().recommend()
    assert isinstance(session, Session)


def test_the_event_that_speaks_for_an_item_is_named(home):
    recommender = home.recommender("ss4rec")
    events = home.events("5")
    item = recommender.recommend(events)[0].item
    reasons = recommender.explain(item, events, k=3)
    assert len(reasons) == 3
    assert sorted((abs(x.effect) for x in reasons), reverse=True) == [
        abs(x.effect) for x in reasons
    ]

    def log_probability(history):
        scores = torch.tensor(recommender.scores(history)).double()
        return float(scores.log_softmax(0)[recommender.row_of(item)])

    first = reasons[0]
    without = [event for event in events if event[:2] != (first.item, first.time)]
    expected = log_probability(events) - log_probability(without)
    assert first.effect == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ProjectError, match="two events or more"):
        recommender.explain(item, events[:1])

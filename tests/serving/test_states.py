"""Sessions that make way for others come back as they were; batches are as one by one."""

import random

import numpy as np

from seqrec.serving.service.states import Sessions
from seqrec.serving.service.stores import StoredEvent


def scores_of(sessions, store, names, at=None):
    for name in names:
        sessions.catch_up(name, len(store[name]), None)
    return sessions.score(names, [at] * len(names))


def test_a_thousand_sessions_in_room_for_few(home):
    """States are made anew for those that had to make way."""
    randomness = random.Random(4)
    for name in ("ss4rec", "ss4rec_plus", "mamba4rec", "sasrec"):
        model = home.recommender(name)
        store = {str(number): [] for number in range(200)}
        sessions = Sessions(model, lambda session, since, store=store: store[session][since:], 1)
        sessions._free = sessions._free[-64:]
        sessions.capacity = 64
        time = 1000
        for _ in range(40):
            chosen = randomness.sample(sorted(store), 20)
            time += 60
            for session in chosen:
                event = StoredEvent(str(randomness.randrange(20)), time, 4.0)
                store[session].append(event)
                sessions.catch_up(session, len(store[session]), event)
            found = sessions.score(chosen, [time + 5] * len(chosen))
            assert len(sessions) <= 64
        window = model.scorer.max_length
        short = [i for i, session in enumerate(chosen) if len(store[session]) <= window]
        assert len(short) > 10
        for row in short:
            events = [(e.item, e.at, e.rating) for e in store[chosen[row]]]
            anew = model.scores(events, at=time + 5)[1:]
            np.testing.assert_allclose(found[row, 1:], anew, rtol=1e-4, atol=2e-5)


def test_a_worker_catches_up_with_what_others_have_written(home):
    model = home.recommender("ss4rec")
    store = {"a": [StoredEvent("3", 100, None)]}
    sessions = Sessions(model, lambda session, since: store[session][since:], 1)
    scores_of(sessions, store, ["a"])
    store["a"] += [StoredEvent(str(i), 200 + i, None) for i in range(4)]
    found = scores_of(sessions, store, ["a"], at=300)[0, 1:]
    events = [(e.item, e.at) for e in store["a"]]
    np.testing.assert_allclose(found, model.scores(events, at=300)[1:], rtol=1e-4, atol=1e-5)
    sessions.forget("a")
    assert len(sessions) == 0


def test_a_long_session_keeps_to_what_the_model_has_learned_to_read(home):
    model = home.recommender("ss4rec")
    window = model.scorer.max_length
    store = {"a": []}
    sessions = Sessions(model, lambda session, since: store[session][since:], 1)
    for step in range(2 * window + 1):
        store["a"].append(StoredEvent(str(step % 20), 1000 + 60 * step, None))
        found = scores_of(sessions, store, ["a"], at=2000 + 60 * step)[0, 1:]
    events = [(e.item, e.at) for e in store["a"][-window:]]
    anew = model.scores(events, at=2000 + 60 * 2 * window)[1:]
    np.testing.assert_allclose(found, anew, rtol=1e-4, atol=1e-5)


def test_a_session_that_is_forgotten_leaves_its_room(home):
    model = home.recommender("ss4rec")
    event = StoredEvent("3", 100, None)
    sessions = Sessions(model, lambda session, since: [event], 1)
    for number in range(sessions.capacity + 1):
        sessions.catch_up(str(number), 1, None)
        sessions.forget(str(number))
    sessions.catch_up("a", 1, None)
    found = sessions.score(["a"], [200])[0, 1:]
    np.testing.assert_allclose(found, model.scores([("3", 100)], at=200)[1:], rtol=1e-4, atol=1e-5)

"""What a store has acknowledged is there; both stores say the same."""

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from seqrec.errors import ProjectError
from seqrec.serving.service.faults import BusyError, ConflictError, NotFoundError
from seqrec.serving.service.store_of import open_store
from seqrec.serving.service.stores import Added, Addition, StoredEvent
from tests.serving.conftest import MONTH, free_port


@pytest.fixture(params=["sqlite", "redis"])
def store(request, tmp_path):
    url = f"sqlite:{tmp_path / 'sessions.db'}"
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
    opened = open_store(url, MONTH)
    yield opened
    opened.close()


def name_of(number=0):
    return f"{os.getpid()}-{time.monotonic_ns()}-{number}"


def test_events_come_back_as_they_were_given(store):
    one, other = name_of(1), name_of(2)
    first = [StoredEvent("ü'\"\n", 5, None), StoredEvent("b", 5, 3.5)]
    store.create({one: first})
    store.create({other: []})
    assert store.read(one) == first
    assert store.read(one, 1) == first[1:]
    assert store.read(other) == []
    assert store.count([one, name_of(), other]) == [2, None, 0]
    additions = [Addition(one, "c", 7, 1.0), Addition(other, "d", None, None)]
    assert store.add(additions, 1_700_000_000) == [Added(3, 7), Added(1, 1_700_000_000)]
    assert store.read(one, 2) == [StoredEvent("c", 7, 1.0)]
    assert store.read(other) == [StoredEvent("d", 1_700_000_000, None)]
    assert store.delete(one) is True
    assert store.delete(one) is False
    assert store.read(one) is None


def test_what_cannot_follow_is_refused_and_the_rest_kept(store):
    one, other = name_of(1), name_of(2)
    store.create({one: [StoredEvent("a", 100, None)]})
    store.create({other: []})
    early, missing, good = store.add(
        [Addition(one, "b", 99, None), Addition(name_of(), "b", 1, None),
         Addition(other, "b", 1, None)], 50
    )  # fmt: skip
    assert isinstance(early, ConflictError)
    assert "before the session's last event, 100" in str(early)
    assert isinstance(missing, NotFoundError)
    assert good == Added(1, 1)
    assert store.count([one, other]) == [1, 1]
    # A clock that was set back: now is not before the last event.
    assert store.add([Addition(one, "b", None, None)], 50) == [Added(2, 100)]
    assert store.add([Addition(one, "c", 100, None)], 50) == [Added(3, 100)]


def test_a_session_has_an_end(store, monkeypatch):
    for module in ("sqlite_store", "redis_store"):
        monkeypatch.setattr(f"seqrec.serving.service.{module}.SESSION", 2)
    one = name_of()
    store.create({one: []})
    kept = [store.add([Addition(one, "a", at, None)], at)[0] for at in (1, 2, 3)]
    assert kept[:2] == [Added(1, 1), Added(2, 2)]
    assert isinstance(kept[2], ConflictError)
    assert "full" in str(kept[2])


def test_silent_sessions_are_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr("seqrec.serving.service.sqlite_store.PURGED", 5)
    store = open_store(f"sqlite:{tmp_path / 'sessions.db'}", MONTH)
    names = [name_of(number) for number in range(12)]
    for name in names:
        store.create({name: [StoredEvent("a", 1, None)]})
    store.add([Addition(names[0], "b", 2, None)], int(time.time()) + 100)
    assert store.purge(int(time.time()) + 50) == 11
    assert store.count(names[:2]) == [2, None]
    store.close()


def test_what_fails_midway_keeps_nothing(tmp_path):
    store = open_store(f"sqlite:{tmp_path / 'sessions.db'}", MONTH)
    one, other = name_of(1), name_of(2)
    store.create({one: []})
    with pytest.raises(BusyError):
        store.create({other: [StoredEvent("a", 1, None)], one: []})
    assert store.count([one, other]) == [0, None]
    assert store.add([Addition(one, "a", 1, None)], 1) == [Added(1, 1)]
    store.close()


def test_redis_drops_silent_sessions_itself(redis_url):
    store = open_store(redis_url, 1)
    one = name_of()
    store.create({one: []})
    assert store.count([one]) == [0]
    time.sleep(1.2)
    assert store.count([one]) == [None]


def test_what_is_no_store_is_refused_in_one_line(tmp_path):
    (tmp_path / "text.db").write_text(
        "no database, but longer than a header of one hundred bytes" * 3
    )
    later = sqlite3.connect(tmp_path / "later.db")
    later.execute("PRAGMA user_version = 9")
    later.close()
    for url, message in (
        (f"sqlite:{tmp_path / 'text.db'}", "cannot be kept in"),
        (f"sqlite:{tmp_path / 'later.db'}", "of a later version"),
        (f"sqlite:{tmp_path}", "cannot be kept in"),
        (f"redis://127.0.0.1:{free_port()}/0", "Redis does not answer"),
    ):
        with pytest.raises(ProjectError, match=message) as refused:
            open_store(url, MONTH)
        assert "\n" not in str(refused.value)


def test_a_store_that_stops_answering_is_busy(tmp_path):
    store = open_store(f"sqlite:{tmp_path / 'sessions.db'}", MONTH)
    one = name_of()
    store.create({one: []})
    with sqlite3.connect(tmp_path / "sessions.db") as other:
        other.execute("DROP TABLE events")
    with pytest.raises(BusyError, match="does not answer"):
        store.add([Addition(one, "a", 1, None)], 1)


WRITER = """
import sys
from seqrec.serving.service.store_of import open_store
from seqrec.serving.service.stores import Addition
store = open_store(sys.argv[1], 1)
for number in range(10**6):
    store.add([Addition(sys.argv[2], str(number), None, None)], number)
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path):
    url = f"sqlite:{tmp_path / 'sessions.db'}"
    one = name_of()
    store = open_store(url, MONTH)
    store.create({one: []})
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, one], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(writer.stdout.readline()) for _ in range(30)]
    writer.kill()
    acknowledged += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    events = open_store(url, MONTH).read(one)
    assert len(events) >= len(acknowledged) >= 30
    assert [event.item for event in events] == [str(number) for number in range(len(events))]

"""The service as a process: killed, ended, exchanged, shared, and kept waiting.

Each has a fast twin without processes beside the code it is about, which `make test` runs.
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from seqrec.serving.service.store_of import open_store
from tests.serving.conftest import MONTH, free_port

pytestmark = pytest.mark.slow
KIND = {"Content-Type": "application/json"}


class Service:
    """A service in a process of its own."""

    def __init__(self, folder, models, *options):
        self.port = free_port()
        self.log = (folder / f"service-{self.port}.txt").open("w+")
        given = [f"--model={name}={place}" for name, place in models.items()]
        self.running = subprocess.Popen(
            [sys.executable, "-m", "seqrec.serving", *given, f"--port={self.port}", *options],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        for _ in range(600):
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
            assert self.running.poll() is None, self.told()
        raise AssertionError(self.told())

    def told(self):
        self.log.seek(0)
        return self.log.read()

    def ask(self, method, path, body=None, connection=None):
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        own.request(method, path, None if body is None else json.dumps(body), KIND)
        answer = own.getresponse()
        content = answer.read()
        if connection is None:
            own.close()
        return answer.status, json.loads(content) if content else None

    def begin(self):
        return self.ask("POST", "/sessions", {})[1]["session"]

    def end(self, how=signal.SIGTERM):
        self.running.send_signal(how)
        return self.running.wait(timeout=60)


def load(service, sessions, seconds, acknowledged, failed, stop=None):
    """Add events to sessions until the time is over; note what was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    randomness = random.Random(id(connection))
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (stop and stop.is_set()):
        session = randomness.choice(sessions)
        event = {"item": str(randomness.randrange(20)), "recommend": {"k": 5}}
        try:
            status, answer = service.ask("POST", f"/sessions/{session}/events", event, connection)
        except (OSError, http.client.HTTPException) as error:
            failed.append(repr(error))
            connection.close()
            continue
        if status == 200:
            acknowledged.append((session, answer["events"], event["item"]))
        else:
            failed.append((status, answer))


def under_load(service, seconds, during, threads=8, sessions=20):
    """Run something while sessions grow; return what was acknowledged and what failed."""
    names = [service.begin() for _ in range(sessions)]
    acknowledged, failed, stop = [], [], threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(load, service, names, seconds, acknowledged, failed, stop)
            for _ in range(threads)
        ]
        try:
            during(stop)
        finally:
            for job in jobs:
                job.result()
    return acknowledged, failed


def check_all_there(store, acknowledged):
    assert len(acknowledged) > 50
    for session in {session for session, _, _ in acknowledged}:
        events = store.read(session)
        for number, item in ((n, i) for s, n, i in acknowledged if s == session):
            assert events[number - 1].item == item


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_under_load_and_a_restart_lose_no_acknowledged_event(home, tmp_path, workers):
    models = {"ss4rec": home.model("ss4rec")}
    options = (f"--sessions=sqlite:{tmp_path / 'sessions.db'}", f"--workers={workers}")
    service = Service(tmp_path, models, *options)

    def kill(stop):
        time.sleep(2)
        for process in [*children_of(service.running.pid), service.running.pid]:
            os.kill(process, signal.SIGKILL)
        stop.set()

    acknowledged, _ = under_load(service, 30, kill)
    service.running.wait()
    store = open_store(f"sqlite:{tmp_path / 'sessions.db'}", MONTH)
    check_all_there(store, acknowledged)
    again = Service(tmp_path, models, *options)
    session, events, _ = acknowledged[-1]
    status, answer = again.ask("POST", f"/sessions/{session}/events", {"item": "3"})
    assert (status, answer["events"] > events) == (200, True)
    again.end()


def test_sigterm_answers_what_has_begun(home, tmp_path):
    service = Service(tmp_path, {"ss4rec": home.model("ss4rec")})

    def end(stop):
        time.sleep(1)
        service.running.send_signal(signal.SIGTERM)
        stop.set()

    acknowledged, failed = under_load(service, 30, end)
    assert service.running.wait(timeout=30) in (0, -signal.SIGTERM)
    refused = [error for error in failed if "Refused" not in str(error)]
    assert not [error for error in refused if "RemoteDisconnected" not in str(error)]
    check_all_there(open_store(f"sqlite:{tmp_path / 'data/sessions.db'}", MONTH), acknowledged)
    assert "Traceback" not in service.told()


def test_an_exchange_of_versions_under_load_fails_no_request(home, tmp_path):
    place = tmp_path / "ss4rec"
    home.save("ss4rec", place / "weights", "1")
    service = Service(tmp_path, {"ss4rec": place}, "--workers=2")

    def exchange(stop):
        for version in ("2", "3", "4"):
            time.sleep(2)
            home.save("ss4rec", place / "weights", version)
        time.sleep(6)
        stop.set()

    acknowledged, failed = under_load(service, 60, exchange)
    assert failed == []
    assert len(acknowledged) > 100
    versions = {service.ask("GET", "/models")[1]["models"][0]["version"] for _ in range(10)}
    assert versions == {"4"}
    service.end()


@pytest.mark.parametrize("kept", ["redis", "sqlite"])
def test_two_workers_share_sessions(home, tmp_path, kept, request):
    """Requests of one session go to either worker, and lists are those of its whole history."""
    url = f"sqlite:{tmp_path / 'sessions.db'}"
    if kept == "redis":
        url = request.getfixturevalue("redis_url")
    service = Service(
        tmp_path, {"ss4rec": home.model("ss4rec")}, "--workers=2", f"--sessions={url}"
    )
    recommender = home.recommender("ss4rec")
    session = service.begin()
    events = home.events("5")
    for number, (item, at, rating) in enumerate(events, start=1):
        body = {"item": item, "at": at, "rating": rating, "recommend": {"k": 5, "at": at}}
        status, answer = service.ask("POST", f"/sessions/{session}/events", body)
        assert (status, answer["events"]) == (200, number)
        ours = recommender.recommend(events[:number], at=at, k=5)
        assert [x["item"] for x in answer["list"]["items"]] == [x.item for x in ours]
    acknowledged, failed = under_load(service, 3, lambda _: time.sleep(3))
    assert failed == []
    check_all_there(open_store(url, MONTH), acknowledged)
    service.end()


def test_slow_clients_are_hung_up_on_and_hold_nobody_up(home, tmp_path):
    service = Service(tmp_path, {"ss4rec": home.model("ss4rec")})
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(50)]
    head = b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for number, each in enumerate(slow):
        each.sendall(head + (b"Content-Length: 100\r\n\r\n{" if number % 2 else b"X-Slow: "))
    began = time.monotonic()
    assert service.ask("GET", "/healthz")[0] == 200
    assert time.monotonic() - began < 2
    for number, each in enumerate(slow):
        each.settimeout(20)
        answer = each.recv(1000)
        assert answer.startswith(b"HTTP/1.1 408") if number % 2 else answer == b""
    assert time.monotonic() - began < 25
    service.end()


def children_of(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in out.stdout.split()]

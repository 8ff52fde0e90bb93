"""A request is checked before the application sees it."""

import asyncio
import json

import pytest

from seqrec.serving.service.guard import Guard
from seqrec.serving.service.metrics import Metrics
from seqrec.serving.service.settings import Settings

HEADERS = [(b"host", b"localhost:8000"), (b"content-type", b"application/json")]


async def answer(messages, headers=HEADERS, **settings):
    """Send messages, which may be pauses, through the guard; return status and body."""
    sent, bodies = [], []

    async def receive():
        message = messages.pop(0) if messages else await asyncio.Event().wait()
        if isinstance(message, float):
            await asyncio.sleep(message)
            return {"type": "http.request", "body": b"x", "more_body": True}
        return message

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    given = Settings(models={"ss4rec": "x"}, **settings)
    scope = {"type": "http", "method": "POST", "path": "/recommend", "headers": headers}
    await Guard(app, given, Metrics())(scope, receive, send)
    if not sent:
        return None, bodies
    return sent[0]["status"], bodies or json.loads(sent[1]["body"])["error"]


def test_a_body_in_parts_arrives_whole():
    parts = [
        {"type": "http.request", "body": part, "more_body": part != b"c"}
        for part in (b"a", b"b", b"c")
    ]
    assert asyncio.run(answer(parts)) == (200, [b"abc"])


def test_a_slow_body_is_not_waited_for():
    status, error = asyncio.run(answer([0.03] * 100, patience=0.1))
    assert (status, error) == (408, "the body did not arrive in time")


def test_a_body_that_grows_too_large_is_cut():
    parts = [{"type": "http.request", "body": b"x" * 60, "more_body": True} for _ in range(9)]
    status, error = asyncio.run(answer(parts, body_bytes=100))
    assert status == 413
    assert "larger than 100 bytes" in error


def test_who_hangs_up_is_not_answered():
    assert asyncio.run(answer([{"type": "http.disconnect"}])) == (None, [])


@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:8000", b"", b"localhost.evil"])
def test_another_name_is_refused(host):
    """A page elsewhere whose name leads here could otherwise read answers."""
    headers = [(b"host", host), HEADERS[1]]
    assert asyncio.run(answer([], headers=headers))[0] == 400


@pytest.mark.parametrize("host", [b"127.0.0.1:80", b"[::1]:80", b"LOCALHOST", b"[::1]"])
def test_its_own_names_are_taken(host):
    body = {"type": "http.request", "body": b"{}", "more_body": False}
    headers = [(b"host", host), HEADERS[1]]
    assert asyncio.run(answer([body], headers=headers))[0] == 200

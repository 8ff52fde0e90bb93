"""Discord hears what happens, and can do no harm."""

import time

import pytest

from seqrec.hooks.notifications import Discord
from tests.servers import Webhook, serving


@pytest.mark.parametrize("statuses", [(), (500, 503), (429,)], ids=["once", "errors", "too many"])
def test_a_message_arrives_once_after_as_many_tries_as_it_takes(statuses):
    webhook = Webhook(*statuses)
    with serving(webhook) as address:
        discord = Discord(f"{address}/api/webhooks/1/secret")
        discord.post("hello")
        discord.close()
    assert webhook.messages == ["hello"]
    assert webhook.tries == len(statuses) + 1


def test_the_pause_that_discord_asks_for_is_kept():
    webhook, started = Webhook(429), time.monotonic()
    with serving(webhook) as address:
        discord = Discord(address)
        discord.post("hello")
        discord.close()
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [401, 404])
def test_a_dead_webhook_is_said_without_its_address(status, caplog):
    with serving(Webhook(status)) as address:
        discord = Discord(f"{address}/api/webhooks/1/secret")
        discord.post("hello")
        discord.close()
    assert f"refused a message (HTTP {status})" in caplog.text
    assert "secret" not in caplog.text


class Redirecting:
    """A server that names another for what it is sent."""

    def __init__(self, target):
        self.target = target

    def __call__(self, request):
        request.send_response(307)
        request.send_header("Location", self.target)
        request.send_header("Content-Length", "0")
        request.end_headers()


def test_no_message_follows_a_redirection(caplog):
    elsewhere = Webhook()
    with serving(elsewhere) as target, serving(Redirecting(target)) as address:
        discord = Discord(f"{address}/api/webhooks/1/secret")
        discord.post("hello")
        discord.close()
    assert elsewhere.tries == 0
    assert "refused a message (HTTP 307)" in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api/secret", "secret", ""])
def test_no_server_and_no_address_are_said_without_the_secret(url, caplog):
    discord = Discord(url, attempts=2)
    discord.post("hello")
    discord.close()
    assert "Discord was not reached" in caplog.text
    assert "secret" not in caplog.text


def test_a_hanging_server_holds_nothing_up(caplog):
    with serving(lambda _: time.sleep(3)) as address:
        started = time.monotonic()
        discord = Discord(address)
        discord.post("hello")
        posted = time.monotonic() - started
        discord.close(seconds=0.2)
        closed = time.monotonic() - started
    assert posted < 0.2
    assert closed < 2
    assert "given up" in caplog.text


def test_secrets_are_taken_out_and_long_messages_cut(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "canary-key")
    webhook = Webhook()
    with serving(webhook) as address:
        discord = Discord(address)
        discord.post("the key canary-key is wrong " + 3000 * "x")
        discord.close()
    (message,) = webhook.messages
    assert message.startswith("the key <WANDB_API_KEY> is wrong")
    assert len(message) <= 2000

"""Start, and end well."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seqrec.serving.folders import open_model
from seqrec.serving.service.app import make_app
from seqrec.serving.service.metrics import DIRECTORY
from seqrec.serving.service.settings import SETTINGS, TOKEN, Settings
from seqrec.serving.service.store_of import open_store

PATIENCE = 10.0
"""Seconds for the head of a request to arrive."""


class ImpatientProtocol(HttpToolsProtocol):
    """Hangs up on whoever does not finish the head of a request in time."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for another request of the same connection."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(error)

    def _wait(self) -> None:
        self._stop_waiting()
        self._hang_up = asyncio.get_running_loop().call_later(PATIENCE, self.transport.close)

    def _stop_waiting(self) -> None:
        waiting = getattr(self, "_hang_up", None)
        if waiting is not None:
            waiting.cancel()


def serve(settings: Settings) -> None:
    """Serve until a signal comes; requests that have begun are answered first.

    Args:
        settings: What to serve, and how.
    """
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _check(settings)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": ImpatientProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": settings.grace,
        "log_config": None,
    }
    if settings.workers == 1:
        uvicorn.run(make_app(settings), **options)
        return
    os.environ[SETTINGS] = settings.model_dump_json(exclude={"token"})
    if settings.token is not None:
        os.environ[TOKEN] = settings.token.get_secret_value()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[DIRECTORY] = folder
        uvicorn.run(f"{__name__}:make_worker", factory=True, workers=settings.workers, **options)


def _check(settings: Settings) -> None:
    """Refuse what cannot be served before anything listens.

    Raises:
        ProjectError: A model or the store cannot be opened.
    """
    for place in settings.models.values():
        open_model(place, None, settings.data)
    open_store(settings.sessions, 86_400 * settings.session_days).close()


def make_worker() -> FastAPI:
    """Build the service in a worker, from what its parent has put into the environment."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    values = json.loads(os.environ[SETTINGS])
    return make_app(Settings.model_validate({**values, "token": os.environ.get(TOKEN)}))

"""What stands before every path: who may ask, how much, how slowly, and headers of answers."""

from __future__ import annotations

import asyncio
import hmac
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqrec.serving.service.answers import answer_error
from seqrec.serving.service.metrics import Metrics
from seqrec.serving.service.settings import Settings

_OPEN = ("/healthz",)
"""Asked by machines that hold no token."""
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
]
_STORED = [(b"cache-control", b"no-store")]
_ASKED_ANEW = [(b"cache-control", b"no-cache")]
"""The page's files belong together: none of an older version may be shown beside newer ones."""
_API = ("/recommend", "/sessions", "/explain", "/items", "/models", "/healthz", "/metrics")


class Guard:
    """Checks a request before the application sees it.

    Args:
        app: The application.
        settings: Token, names, sizes and patience.
        metrics: Told of every answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        token = settings.token
        self._token = f"Bearer {token.get_secret_value()}".encode() if token else None
        self._hosts = {*settings.hosts, *(_LOCAL if settings.is_local else ())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = _kind_of(scope["path"])
        told = _Telling(send, path != "/")
        try:
            await self._answer(scope, receive, told)
        finally:
            self._metrics.requests.labels(path, told.status).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        refusal = self._refuse(scope, headers)
        body = b""
        if refusal is None and scope["method"] == "POST":
            try:
                body = await asyncio.wait_for(self._read(receive), self._settings.patience)
            except TimeoutError:
                refusal = 408, "the body did not arrive in time"
            except _TooLargeError:
                refusal = 413, f"the body is larger than {self._settings.body_bytes} bytes"
            except _GoneError:
                return
        if refusal is not None:
            response = answer_error(*refusal)
            response.headers["connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, _Body(body, receive), send)

    def _refuse(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Say why a request is not let in; None if it is."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host
        if self._hosts and name not in self._hosts and scope["path"] not in _OPEN:
            # A page of another site could otherwise reach it under a name of its own.
            return 400, "the service is not known by this name"
        if self._token and scope["path"].startswith(_API) and scope["path"] not in _OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, self._token):
                return 401, "a token is needed: Authorization: Bearer …"
        if scope["method"] != "POST":
            return None
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind != b"application/json":
            return 415, "the body must be application/json"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._settings.body_bytes:
            return 413, f"the body is larger than {self._settings.body_bytes} bytes"
        return None

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._settings.body_bytes:
                raise _TooLargeError
        return b"".join(parts)


class _TooLargeError(Exception):
    """A body that is longer than it may be."""


class _GoneError(Exception):
    """Whoever asked has hung up."""


class _Body:
    """Gives the application a body that was read before."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


class _Telling:
    """Sends an answer with our headers, and remembers its status."""

    def __init__(self, send: Send, is_api: bool) -> None:
        self._send = send
        self._headers = [*_HEADERS, *(_STORED if is_api else _ASKED_ANEW)]
        self.status = "499"

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = str(message["status"])
            message["headers"] = [*message["headers"], *self._headers]
        await self._send(message)


def _kind_of(path: str) -> str:
    """Name a path without the ids in it: a figure for each session would fill the memory.

    >>> _kind_of("/sessions/abc/events"), _kind_of("/sessions"), _kind_of("/etc/passwd")
    ('/sessions/{id}/events', '/sessions', '/')
    """
    parts = path.split("/")
    if parts[1:2] == ["sessions"] and len(parts) > 2:
        last = parts[3] if parts[3:4] in (["events"], ["recommend"]) else ""
        return f"/sessions/{{id}}/{last}".rstrip("/")
    return path if path in {*_API, "/recommend/many", "/openapi.json"} else "/"

"""Sessions in Redis: workers of one machine or of many share them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqrec.errors import ProjectError
from seqrec.serving.service.faults import BusyError, RefusedError
from seqrec.serving.service.settings import SESSION
from seqrec.serving.service.sqlite_store import why_refused
from seqrec.serving.service.stores import Added, Addition, StoredEvent

_PREFIX = "seqrec:session:"
_ADD = """
local length = redis.call('LLEN', KEYS[1])
if length == 0 then return {0, 0} end
local last = length > 1 and cjson.decode(redis.call('LINDEX', KEYS[1], -1))[2] or 0
local at = tonumber(ARGV[2])
if ARGV[3] == '1' then at = math.max(at, last) end
if at < last or length > tonumber(ARGV[4]) then return {-length, last} end
redis.call('RPUSH', KEYS[1], cjson.encode({ARGV[1], at, ARGV[5]}))
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {length, at}
"""
"""A session is a list that begins with a marker: Redis keeps no list that is empty."""
_MARKER = "[]"


class RedisStore:
    """A list for each session; Redis drops those in which nothing happens.

    What is acknowledged survives a crash of the service. Whether it survives one of Redis is
    Redis' own setting: ``appendonly yes`` and ``appendfsync always``.

    Args:
        url: As `redis.Redis.from_url` takes it.
        seconds: After which a silent session is dropped.

    Raises:
        ProjectError: Redis is not installed or does not answer.
    """

    def __init__(self, url: str, seconds: int) -> None:
        try:
            import redis
        except ImportError as error:
            raise ProjectError(
                "sessions in Redis need its client: pip install 'seqrec[serve]'"
            ) from error
        self._errors = redis.RedisError
        self._seconds = seconds
        self._redis: Any = redis.Redis.from_url(
            url, socket_timeout=5.0, socket_connect_timeout=5.0, decode_responses=True
        )
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise ProjectError(f"Redis does not answer: {error}") from error
        self._script = self._redis.register_script(_ADD)
        self._script.sha = self._redis.script_load(_ADD)

    def create(self, sessions: Mapping[str, Sequence[StoredEvent]]) -> None:
        """Keep new sessions."""
        with self._guarded(), self._redis.pipeline() as batch:
            for session, events in sessions.items():
                rows = [json.dumps([e.item, e.at, _spelled(e.rating)]) for e in events]
                batch.rpush(_PREFIX + session, _MARKER, *rows)
                batch.expire(_PREFIX + session, self._seconds)
            batch.execute()

    def add(self, additions: Sequence[Addition], now: int) -> list[Added | RefusedError]:
        """Keep events, each in a step that no other worker can divide."""
        with self._guarded(), self._redis.pipeline(transaction=False) as batch:
            for each in additions:
                at = now if each.at is None else each.at
                given = (each.item, at, int(each.at is None), SESSION)
                key = _PREFIX + each.session
                self._script([key], [*given, _spelled(each.rating), self._seconds], client=batch)
            answers = batch.execute()
        return [self._read_answer(*pair) for pair in zip(additions, answers, strict=True)]

    def count(self, sessions: Sequence[str]) -> list[int | None]:
        """Count the events of sessions."""
        with self._guarded(), self._redis.pipeline(transaction=False) as batch:
            for session in sessions:
                batch.llen(_PREFIX + session)
            return [length - 1 if length else None for length in batch.execute()]

    def read(self, session: str, since: int = 0) -> list[StoredEvent] | None:
        """Read a session's events."""
        with self._guarded(), self._redis.pipeline() as batch:
            batch.llen(_PREFIX + session)
            batch.lrange(_PREFIX + session, since + 1, -1)
            length, rows = batch.execute()
        if not length:
            return None
        return [_event(*json.loads(row)) for row in rows]

    def delete(self, session: str) -> bool:
        """Forget a session."""
        with self._guarded():
            return bool(self._redis.delete(_PREFIX + session))

    def purge(self, before: int) -> int:
        """Redis does that itself."""
        return 0

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _read_answer(self, addition: Addition, answer: list[int]) -> Added | RefusedError:
        length, at = answer
        if length <= 0:
            return why_refused(addition, (-length - 1, at) if length else None)
        return Added(length, at)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise BusyError(f"Redis does not answer: {error}") from error


def _spelled(rating: float | None) -> str:
    return "" if rating is None else repr(rating)


def _event(item: str, at: float, rating: str) -> StoredEvent:
    return StoredEvent(item, int(at), float(rating) if rating else None)

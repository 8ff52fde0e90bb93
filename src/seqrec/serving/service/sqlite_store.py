"""Sessions in SQLite: one file, many processes of one machine, durable at each commit."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from seqrec.errors import ProjectError
from seqrec.serving.service.faults import BusyError, ConflictError, NotFoundError, RefusedError
from seqrec.serving.service.settings import SESSION
from seqrec.serving.service.stores import Added, Addition, StoredEvent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, events INTEGER NOT NULL, last INTEGER NOT NULL, touched INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  session TEXT NOT NULL, number INTEGER NOT NULL, item TEXT NOT NULL, at INTEGER NOT NULL,
  rating REAL, PRIMARY KEY (session, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS touched ON sessions (touched);
"""
_FORMAT = 1
_ADD = """
UPDATE sessions SET events = events + 1, last = max(last, ?), touched = ?
WHERE id = ? AND events < ? AND (? OR last <= ?) RETURNING events, last
"""
PURGED = 500
"""Sessions that are removed in one transaction: others wait meanwhile."""


class SQLiteStore:
    """A file in WAL mode with ``synchronous=FULL``: a commit is on the disk when it returns.

    Args:
        file: Made if it is not there.

    Raises:
        ProjectError: It is no file of sessions, or cannot be written.
    """

    def __init__(self, file: str) -> None:
        self._file = Path(file)
        self._threads = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                self._prepare(connection)
        except (OSError, sqlite3.Error, BusyError) as error:
            raise ProjectError(f"sessions cannot be kept in {file}: {error}") from error

    def create(self, sessions: Mapping[str, Sequence[StoredEvent]]) -> None:
        """Keep new sessions in one transaction."""
        now = int(time.time())
        with self._writing() as connection:
            for session, events in sessions.items():
                last = max((event.at for event in events), default=0)
                row = (session, len(events), last, now)
                connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", row)
                rows = [(session, n, e.item, e.at, e.rating) for n, e in enumerate(events, 1)]
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)

    def add(self, additions: Sequence[Addition], now: int) -> list[Added | RefusedError]:
        """Keep events in one transaction."""
        with self._writing() as connection:
            return [self._add(connection, addition, now) for addition in additions]

    def count(self, sessions: Sequence[str]) -> list[int | None]:
        """Count the events of sessions."""
        with self._connection() as connection:
            found = [
                connection.execute("SELECT events FROM sessions WHERE id = ?", (one,)).fetchone()
                for one in sessions
            ]
        return [row[0] if row else None for row in found]

    def read(self, session: str, since: int = 0) -> list[StoredEvent] | None:
        """Read a session's events."""
        query = "SELECT item, at, rating FROM events WHERE session = ? AND number > ?"
        with self._connection() as connection:
            rows = connection.execute(f"{query} ORDER BY number", (session, since)).fetchall()
            if not rows and self.count([session]) == [None]:
                return None
        return [StoredEvent(*row) for row in rows]

    def delete(self, session: str) -> bool:
        """Forget a session."""
        with self._writing() as connection:
            return self._delete(connection, session)

    def purge(self, before: int) -> int:
        """Forget silent sessions, some at a time."""
        total = 0
        while True:
            with self._writing() as connection:
                query = "SELECT id FROM sessions WHERE touched < ? LIMIT ?"
                old = connection.execute(query, (before, PURGED)).fetchall()
                for (session,) in old:
                    self._delete(connection, session)
            total += len(old)
            if len(old) < PURGED:
                return total

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    def _add(
        self, connection: sqlite3.Connection, addition: Addition, now: int
    ) -> Added | RefusedError:
        at = now if addition.at is None else addition.at
        given = (at, now, addition.session, SESSION, addition.at is None, at)
        row = connection.execute(_ADD, given).fetchone()
        if row is None:
            return self._why(connection, addition)
        events, last = row
        connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (addition.session, events, addition.item, last, addition.rating),
        )
        return Added(events, last)

    def _why(self, connection: sqlite3.Connection, addition: Addition) -> RefusedError:
        """Say why an event was not kept."""
        query = "SELECT events, last FROM sessions WHERE id = ?"
        row = connection.execute(query, (addition.session,)).fetchone()
        return why_refused(addition, row)

    def _delete(self, connection: sqlite3.Connection, session: str) -> bool:
        connection.execute("DELETE FROM events WHERE session = ?", (session,))
        return connection.execute("DELETE FROM sessions WHERE id = ?", (session,)).rowcount > 0

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection."""
        connection = getattr(self._threads, "connection", None)
        try:
            if connection is None:
                connection = self._open()
            yield connection
        except sqlite3.Error as error:
            raise BusyError(f"the sessions' file does not answer: {error}") from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=10.0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        self._threads.connection = connection
        with self._lock:
            self._opened.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a transaction that is committed at the end, or rolled back."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables, or refuse a file that holds something else.

        Raises:
            ProjectError: It is of a later version.
        """
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _FORMAT):
            raise ProjectError(f"{self._file} is of a later version of this project")
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")


def why_refused(addition: Addition, row: tuple[int, int] | None) -> RefusedError:
    """Say why an event cannot be added.

    Args:
        addition: The event.
        row: How many events the session has and when the last one happened; None if it is not
            there.
    """
    if row is None:
        return NotFoundError("there is no such session")
    events, last = row
    if events >= SESSION:
        return ConflictError(f"the session is full: {SESSION} events")
    return ConflictError(f"at={addition.at} lies before the session's last event, {last}")

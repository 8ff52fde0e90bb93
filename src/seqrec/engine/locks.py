"""One process at a time works in a place, and the others are told which one does."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5
"""A wait that is shorter is not worth a line."""

POLL_SECONDS = 0.1


class OwnedLock:
    """A lock of the operating system's, and beside it who holds it.

    The system drops the lock when its process ends, however it ends. Where a folder cannot be
    written there is nothing to lock; a volume that cannot lock files is named in a warning.

    Args:
        path: The lock's file; ``<stem>.owner`` beside it is there while it is held.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = path.with_suffix(".owner")
        self._lock = FileLock(path)
        self._made = [folder for folder in path.parents if not folder.exists()]

    def acquire(self, seconds: float, run: str = "") -> bool:
        """Take the lock.

        Args:
            seconds: How long to wait for it; negative: as long as it takes.
            run: What the owner's process is doing, for those who wait.

        Returns:
            Whether this process may begin: False if another had the lock all the time.
        """
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=seconds, poll_interval=POLL_SECONDS)
            self._sign(run)
        except Timeout:
            return False
        except (FileNotFoundError, FileExistsError):
            if not folder.is_dir() and folder.exists():  # a file stands in its place
                return True
            # Another process has just removed the folder: `mkdir` may find it and then not.
            return self.acquire(seconds, run)
        except OSError as error:
            if folder.is_dir() and os.access(folder, os.W_OK):
                why = error.strerror
                logger.warning("%s cannot be locked (%s): start no other run there", folder, why)
        return True

    def _sign(self, run: str) -> None:
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        about = f"{run}, since {since}" if run else f"since {since}"
        self._owner.write_text(f"process {os.getpid()} ({about})", encoding="utf-8")

    def owner(self) -> str:
        """Name the process that holds the lock: ``process 7 (run …, since …)``."""
        try:
            return self._owner.read_text(encoding="utf-8") or "another process"
        except OSError:
            return "another process"

    def wait(self, what: str, run: str = "") -> None:
        """Take the lock, however long it takes; say who has it if it takes more than a moment.

        Args:
            what: Begins the line, such as ``the data of shop are being made``.
            run: As for `acquire`.
        """
        if self.acquire(PATIENCE_SECONDS, run):
            return
        logger.warning("%s by %s: this run waits, and goes on by itself", what, self.owner())
        self.acquire(-1, run)

    def release(self, forget: bool = False) -> None:
        """Let others have the lock; without effect if it is not held.

        Args:
            forget: Whether the lock's file goes too, and folders that were made for it and are
                empty. Whoever waits makes new ones.
        """
        if not self._lock.is_locked:
            return
        self._owner.unlink(missing_ok=True)
        if forget:
            self._path.unlink(missing_ok=True)
        self._lock.release()
        if forget:
            with suppress(OSError):  # something else is in it
                for folder in self._made:
                    folder.rmdir()


@contextmanager
def one_at_a_time(path: Path, what: str) -> Iterator[None]:
    """Wait until no other process is in a block with the same lock, then run this one.

    Args:
        path: The lock's file; it is gone after the block.
        what: As for `OwnedLock.wait`.
    """
    lock = OwnedLock(path)
    lock.wait(what)
    try:
        yield
    finally:
        lock.release(forget=True)

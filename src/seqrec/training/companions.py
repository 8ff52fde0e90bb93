"""A process that is gone: the others notice within seconds, say so in one line, and stop.

Without it they would wait in an exchange for minutes: a collective has no end of its own when a
process was killed, stopped or cut off.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from datetime import timedelta

import psutil
from torch._C._distributed_c10d import PrefixStore, Store, TCPStore

from seqrec.errors import LostProcessError

EVERY_SECONDS = 1.0
"""Pause between two looks at the others."""
SILENT_SECONDS = 20.0
"""A process on another machine that has said nothing for so long is lost."""
GRACE_SECONDS = 4.0
"""Time in which this process must come to an error of its own when another is lost."""
LAST_SECONDS = 20.0
"""Time in which it must end once it has: hooks have runs to close."""


class Companions:
    """Watches the other processes of a training from a thread.

    Each counts its seconds in a store that all can reach, and says there when it ends. On the same
    machine the operating system tells at once that a process is dead.

    Args:
        index: This process.
        count: All of them.
    """

    def __init__(self, index: int, count: int) -> None:
        self._index = index
        self._count = count
        self._others = [other for other in range(count) if other != index]
        self._places: dict[int, tuple[str, int]] = {}
        self._heard: dict[int, tuple[int, float]] = {}
        self._lost: dict[int, str] = {}
        self._looked_at = time.monotonic()
        self._grace = GRACE_SECONDS
        self._over = threading.Event()
        self._store = _store_of_all()
        self._store.set(f"place/{index}", f"{os.getpid()} {socket.gethostname()}")
        threading.Thread(target=self._watch, name="companions", daemon=True).start()

    def fail(self, why: str) -> None:
        """Tell the others that this process ends before its work is done."""
        self._grace = LAST_SECONDS
        self._store.set(f"failed/{self._index}", why)

    def leave(self) -> None:
        """Tell the others that this process has no more to exchange with them."""
        self._over.set()
        self._store.set(f"done/{self._index}", "")

    def lost(self) -> LostProcessError | None:
        """Return what is wrong with another process; waits a little if nothing is known yet."""
        until = time.monotonic() + GRACE_SECONDS
        while not self._lost and time.monotonic() < until:
            time.sleep(0.1)
        return self._error() if self._lost else None

    def _error(self) -> LostProcessError:
        who, how = min(self._lost.items())
        speaks = self._index == min(set(range(self._count)) - self._lost.keys())
        return LostProcessError(
            f"process {who} of {self._count} {how}: the others stop. The last checkpoint is "
            "whole, and the same command resumes from it, with any number of processes",
            speaks,
        )

    def _watch(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            try:
                self._look()
            except (RuntimeError, OSError):  # the store is gone with the process that had it
                self._lost.setdefault(0 if self._index else self._others[0], "is gone")
            if self._lost and not self._over.wait(self._grace):
                self._give_up()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > SILENT_SECONDS / 2:
            self._heard.clear()  # this process was stopped itself: the others could not be heard
        self._looked_at = now
        self._store.add(f"alive/{self._index}", 1)
        for other in self._others:
            how = self._look_at(other, now)
            if how:
                self._lost[other] = how

    def _look_at(self, other: int, now: float) -> str | None:
        """Return what is wrong with a process, if anything."""
        if self._store.check([f"done/{other}"]):
            return None
        if self._store.check([f"failed/{other}"]):
            return f"has failed ({self._store.get(f'failed/{other}').decode()})"
        if self._is_dead(other):
            return "is gone (killed, or out of memory)"
        seconds = self._store.add(f"alive/{other}", 0)
        heard, since = self._heard.get(other, (-1, now))
        if heard != seconds:
            self._heard[other] = (seconds, now)
        elif now - since > SILENT_SECONDS:
            return f"has not been heard of for {SILENT_SECONDS:.0f} s"
        return None

    def _is_dead(self, other: int) -> bool:
        """Ask the operating system, if the process is on this machine."""
        if other not in self._places:
            if not self._store.check([f"place/{other}"]):
                return False
            number, name = self._store.get(f"place/{other}").decode().split()
            self._places[other] = name, int(number)
        host, pid = self._places[other]
        if host != socket.gethostname():
            return False
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return not self._store.check([f"done/{other}"])

    def _give_up(self) -> None:
        """End at once: the main thread waits in an exchange that will never come to its end."""
        error = self._error()
        if error.speaks:
            sys.stderr.write(f"Error: {error}\n")
            sys.stderr.flush()
        for other in self._lost:
            self._end_if_stopped(other)
        os._exit(error.exit_code)

    def _end_if_stopped(self, other: int) -> None:
        """End a stopped process of the same launcher, which would wait 30 s for it to end."""
        host, pid = self._places.get(other, ("", 0))
        if host != socket.gethostname():
            return
        try:
            process = psutil.Process(pid)
            if process.ppid() == os.getppid() and process.status() == psutil.STATUS_STOPPED:
                process.kill()
        except psutil.Error:
            return  # it has ended by itself, or is nobody's that this process may end


def _store_of_all() -> Store:
    """Connect to the store where the processes have found each other."""
    store = TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        timeout=timedelta(seconds=SILENT_SECONDS),
    )
    # torchrun starts everything anew under the same address if it is told to try again.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return PrefixStore(f"companions/{attempt}", store)

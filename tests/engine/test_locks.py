"""A place is one process's at a time, and a killed one blocks nobody."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seqrec.engine.locks import OwnedLock, one_at_a_time
from tests.conftest import ROOT

HOLD = """
import sys, time
from pathlib import Path
from seqrec.engine.locks import OwnedLock
lock = OwnedLock(Path(sys.argv[1]))
lock.acquire(0, "run 7")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "toy" / "data.lock"


@pytest.fixture
def holder(path):
    """Another process that has the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_who_has_a_lock_is_named(path, holder):
    lock = OwnedLock(path)
    assert not lock.acquire(0.2)
    since = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
    assert re.fullmatch(rf"process {holder.pid} \(run 7, since {since}\)", lock.owner())
    lock.release()  # it is not held: nothing happens
    assert not lock.acquire(0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_was_killed_blocks_nobody(path, holder, number):
    holder.send_signal(number)
    holder.wait()
    lock = OwnedLock(path)
    assert lock.acquire(0, "run 8")
    assert lock.owner().startswith(f"process {os.getpid()} (run 8, since ")
    lock.release()
    assert "another process" in lock.owner()


def test_whoever_waits_is_told_once_and_goes_on_by_itself(path, holder, caplog):
    later = threading.Timer(2, holder.kill)
    later.start()
    lock = OwnedLock(path)
    lock.wait("the data of toy are being made", "run 8")
    assert holder.wait() == -signal.SIGKILL
    (line,) = [record.getMessage() for record in caplog.records if record.name[0] == "s"]
    assert line.startswith(f"the data of toy are being made by process {holder.pid} (run 7, ")
    assert line.endswith("): this run waits, and goes on by itself")
    lock.release()


def test_a_short_wait_is_not_worth_a_line(path, caplog):
    with one_at_a_time(path, "first"):
        lock = OwnedLock(path)
        waiting = threading.Thread(target=lambda: (lock.wait("second"), lock.release()))
        waiting.start()
        time.sleep(0.1)
    waiting.join()
    assert not [record for record in caplog.records if record.name.startswith("seqrec")]


def test_a_folder_that_goes_while_it_is_made_is_made_again(path, monkeypatch):
    """`Path.mkdir` says that it exists if another process removes it at that moment."""
    own, calls = Path.mkdir, itertools.count()

    def mkdir(self, *arguments, **options):
        if self == path.parent and next(calls) == 0:
            raise FileExistsError(17, "File exists")
        return own(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    lock = OwnedLock(path)
    assert lock.acquire(0)
    assert path.is_file()
    assert not OwnedLock(path).acquire(0)
    lock.release()


def test_a_file_where_the_folder_should_be_is_nothing_to_lock(path):
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.write_text("no folder")
    assert OwnedLock(path).acquire(0)


def test_blocks_with_the_same_lock_never_overlap_and_leave_no_file(path):
    inside, seen = [], []

    def work():
        for _ in range(10):
            with one_at_a_time(path, "work is being done"):
                inside.append(1)
                seen.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 40
    assert not list(path.parent.glob("*"))


def test_where_nothing_can_be_written_there_is_nothing_to_lock(tmp_path, caplog):
    (tmp_path / "file").touch()
    lock = OwnedLock(tmp_path / "file" / "data.lock")
    assert lock.acquire(0)
    lock.release(forget=True)
    assert not caplog.records


def test_a_volume_that_cannot_lock_files_is_named(path, caplog, monkeypatch):
    def refuse(*_, **__):
        raise OSError(37, "No locks available")

    lock = OwnedLock(path)
    monkeypatch.setattr(lock._lock, "acquire", refuse)
    assert lock.acquire(0)
    assert f"{path.parent} cannot be locked (No locks available)" in caplog.text

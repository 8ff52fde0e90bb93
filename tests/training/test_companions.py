"""A process that is lost is noticed by the others, who say so in one line and stop."""

import os
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest
from torch.distributed import TCPStore

from seqrec.errors import LostProcessError
from seqrec.training import companions
from seqrec.training.processes import Processes

ENDS = r"the others stop\. The last checkpoint is whole, and the same command resumes from it"


class Meeting:
    """Where processes meet, all of them played by this one; `ends` has how each ended."""

    def __init__(self, count):
        self.count = count
        self.ends = []
        self.joined = []
        self.over = threading.Event()

    def join(self, index):
        self.joined.append(companions.Companions(index, self.count))
        return self.joined[-1]

    def end(self, status):
        self.ends.append(status)
        self.over.wait()  # as of `os._exit`, nothing comes after it

    def wait_for_the_end(self, seconds=20):
        until = time.monotonic() + seconds
        while not self.ends and time.monotonic() < until:
            time.sleep(0.02)
        return self.ends

    def leave(self):
        for process in self.joined:
            process.leave()
        self.over.set()
        for thread in threading.enumerate():
            if thread.name == "companions":
                thread.join(10)


@pytest.fixture
def meet(monkeypatch):
    """Let processes meet; seconds become tenths."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    monkeypatch.setattr(companions, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(companions, "GRACE_SECONDS", 1.0)
    meetings = []

    def begin(count=2):
        meetings.append(Meeting(count))
        monkeypatch.setattr(os, "_exit", meetings[0].end)
        return meetings[0]

    yield begin
    meetings[0].leave()


def killed():
    """Return the pid of a process that was killed and not yet waited for."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    process.kill()
    return process


def test_a_killed_process_ends_one_that_waits_for_it_with_one_line(meet, capsys):
    meeting = meet()
    process = killed()
    with mock.patch("os.getpid", return_value=process.pid):
        meeting.join(1)
    meeting.join(0)
    assert meeting.wait_for_the_end() == [1]
    process.communicate()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: process 1 of 2 is gone (killed, or out of memory): the others")


def test_a_silent_process_of_another_machine_is_lost(meet, capsys, monkeypatch):
    monkeypatch.setattr(companions, "SILENT_SECONDS", 1.0)
    meeting = meet()
    with (
        mock.patch("socket.gethostname", return_value="elsewhere"),
        mock.patch("threading.Thread"),
    ):
        meeting.join(1)
    meeting.join(0)
    assert meeting.wait_for_the_end() == [1]
    assert "process 1 of 2 has not been heard of for 1 s: the others" in capsys.readouterr().err


def test_a_stopped_process_is_lost_and_ended_since_its_launcher_would_wait_for_it(
    meet, capsys, monkeypatch
):
    monkeypatch.setattr(companions, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(os, "getppid", os.getpid)  # the launcher, for all of them
    meeting = meet()
    stopped = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    stopped.send_signal(signal.SIGSTOP)
    with mock.patch("os.getpid", return_value=stopped.pid), mock.patch("threading.Thread"):
        meeting.join(1)
    meeting.join(0)
    assert meeting.wait_for_the_end() == [1]
    assert "process 1 of 2 has not been heard of for 1 s: the others" in capsys.readouterr().err
    stopped.communicate(timeout=10)
    assert stopped.returncode == -signal.SIGKILL


def test_an_exchange_that_fails_because_another_process_failed_names_that_one(meet):
    meeting = meet()
    first, second = meeting.join(0), meeting.join(1)
    second.fail("no space left on device")
    broken = RuntimeError("connection reset by peer")
    expected = rf"process 1 of 2 has failed \(no space left on device\): {ENDS}"
    with (
        pytest.raises(LostProcessError, match=expected) as caught,
        Processes(0, 2, first).together(),
    ):
        raise broken
    assert caught.value.__cause__ is broken
    assert caught.value.speaks


def test_of_those_left_one_speaks(meet, capsys):
    meeting = meet(count=3)
    meeting.join(1).fail("out of memory")
    last = meeting.join(2)
    lost = last.lost()
    assert lost is not None
    assert not lost.speaks
    assert 1 in meeting.wait_for_the_end()
    assert capsys.readouterr().err == ""


def test_a_process_that_has_left_is_not_lost_and_errors_stay_what_they_are(meet):
    meeting = meet()
    first = meeting.join(0)
    process = killed()
    with mock.patch("os.getpid", return_value=process.pid):
        meeting.join(1).leave()
    process.communicate()
    with pytest.raises(RuntimeError, match="shapes differ"), Processes(0, 2, first).together():
        raise RuntimeError("shapes differ")
    assert meeting.ends == []

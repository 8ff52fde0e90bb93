"""A signal ends a command without a traceback, whatever it is doing."""

import contextlib
import importlib
import logging
import os
import random
import re
import signal
import subprocess
import sys
import time
import weakref

import pytest
from kedro.framework.hooks.manager import _create_hook_manager

from seqrec.errors import ProjectError, RunInterruptedError
from seqrec.hooks import interruption
from seqrec.hooks.interruption import InterruptionHooks
from seqrec.hooks.plain_errors import PlainErrorHooks
from seqrec.training import signals
from tests.cli import QUIET, has_begun

MODULE = """
import os, signal, time
os.kill(os.getpid(), signal.{name})
time.sleep(0.2)
whole = True
"""
QUIET_END = {-signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT, 0, 75}


@pytest.fixture
def caught():
    """The hooks of a run that is under way."""
    hooks = InterruptionHooks()
    hooks.before_pipeline_run()
    yield hooks
    hooks.after_pipeline_run()


class Thing:
    """What can be referred to weakly."""


def log_and_wait(logger, text):
    """Write a log line, and give a signal that came meanwhile the time to be raised."""
    logger.warning(text)
    time.sleep(1)


def import_and_wait(name):
    """Import a module, and give a signal that came meanwhile the time to be raised."""
    importlib.import_module(name)
    time.sleep(1)


def send(*numbers):
    """Send signals to this process, and wait for their handlers."""
    for number in numbers:
        os.kill(os.getpid(), number)
    time.sleep(0.3)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_is_an_error_of_the_run(caught, name):
    with pytest.raises(RunInterruptedError, match=f"stopped by {name}"):
        send(getattr(signal, name))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_waits_until_a_module_is_imported(caught, name, tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(MODULE.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
    with pytest.raises(RunInterruptedError, match=f"stopped by {name}"):
        import_and_wait("slow_to_import")
    assert sys.modules["slow_to_import"].whole


def test_a_signal_waits_until_a_log_line_is_written(caught, capfd):
    class Slow(logging.Handler):
        def emit(self, record):
            try:
                send(signal.SIGTERM)
            except Exception:
                self.handleError(record)  # prints a traceback and forgets the error
            self.written = record.getMessage()

    handler = Slow()
    logger = logging.getLogger("slow")
    logger.addHandler(handler)
    try:
        with pytest.raises(RunInterruptedError):
            log_and_wait(logger, "a line")
    finally:
        logger.removeHandler(handler)
    assert handler.written == "a line"
    assert "Traceback" not in capfd.readouterr().err


def test_a_signal_whose_error_is_swallowed_comes_again(caught, monkeypatch, capfd):
    monkeypatch.setattr(interruption, "AGAIN_SECONDS", 0.5)
    monkeypatch.setattr(interruption, "SAME_WISH_SECONDS", 0.2)
    with contextlib.suppress(Exception):  # as a library does
        send(signal.SIGTERM)
    with pytest.raises(RunInterruptedError):
        time.sleep(2)


def test_a_signal_amid_a_finaliser_is_not_printed_and_comes_again(caught, monkeypatch, capfd):
    monkeypatch.setattr(interruption, "AGAIN_SECONDS", 0.5)
    monkeypatch.setattr(interruption, "SAME_WISH_SECONDS", 0.2)
    thing = Thing()
    reference = weakref.ref(thing, lambda _: send(signal.SIGTERM))
    del thing
    with pytest.raises(RunInterruptedError):
        time.sleep(2)
    assert reference() is None
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("error", [ProjectError("query failed"), RuntimeError("query failed")])
def test_what_comes_of_a_signal_is_told_as_the_signal(caught, error):
    """DuckDB is interrupted, and says that its query failed."""
    with contextlib.suppress(RunInterruptedError):
        send(signal.SIGTERM)
    manager = _create_hook_manager()
    for hooks in (caught, PlainErrorHooks()):
        manager.register(hooks)
    told = {"error": error, "run_params": {}, "pipeline": None, "catalog": None}
    try:
        manager.hook.on_pipeline_error(**told)
    except RunInterruptedError as raised:
        error = raised
    assert str(error).startswith("stopped by SIGTERM")
    assert error.exit_code == 75


def test_two_signals_at_once_are_one_error(caught):
    with pytest.raises(RunInterruptedError):
        send(signal.SIGHUP)
    send(signal.SIGTERM)  # a launcher hands on what the terminal has sent to all


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hooks = InterruptionHooks()
        hooks.before_pipeline_run()
        with signals.watch() as training:
            send(signal.SIGHUP)
        send(signal.SIGHUP)
        hooks.after_pipeline_run()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert training.number == 0


def test_a_training_notes_a_hang_up_and_what_is_handed_on_with_it():
    with signals.watch() as training:
        send(signal.SIGHUP, signal.SIGTERM)
    assert training.number == signal.SIGHUP


def test_a_second_signal_later_on_ends_a_training_at_once(monkeypatch):
    monkeypatch.setattr(signals, "SAME_WISH_SECONDS", 0.1)
    with signals.watch():
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def start(project, *command):
    """Start a command, its output in a file."""
    output = (project / "output.txt").open("w+")
    return output, subprocess.Popen(
        [sys.executable, "-m", *command], cwd=project, env={**os.environ, **QUIET},
        stdout=output, stderr=subprocess.STDOUT,
    )  # fmt: skip


def ended(running, output):
    """Its status and what it printed."""
    status = running.wait(60)
    output.seek(0)
    return status, re.sub(r"\x1b\[[0-9;]*m", "", output.read())


def test_sigterm_at_any_moment_gives_no_traceback(project):
    """From Python's own start on: ten moments of the first seconds."""
    moments = random.Random(11)
    for _ in range(10):
        delay = 0.05 + 4 * moments.random() ** 2
        command = ("kedro", "run", "--pipelines", "data_processing,recbole_format,train_ncf")
        output, running = start(project, *command)
        time.sleep(delay)
        running.terminate()
        status, printed = ended(running, output)
        assert status in QUIET_END, (delay, status, printed)
        assert "Traceback" not in printed, (delay, printed)
        assert "most recent call last" not in printed, (delay, printed)


def catches_sigint(pid):
    """Tell whether a process has a handler for Ctrl-C, as Python has from its start on."""
    try:
        with open(f"/proc/{pid}/status") as status:
            (line,) = [line for line in status if line.startswith("SigCgt")]
    except (FileNotFoundError, ValueError):
        return False
    return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")
@pytest.mark.parametrize("command", [("kedro", "run"), ("seqrec",)], ids=["kedro", "seqrec"])
def test_ctrl_c_gives_no_traceback_as_soon_as_this_project_is_imported(project, command):
    default = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        output, running = start(project, *command, "--pipelines", "data_processing")
    finally:
        signal.signal(signal.SIGINT, default)
    while not catches_sigint(running.pid):
        assert running.poll() is None
    while catches_sigint(running.pid):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    status, printed = ended(running, output)
    assert status == -signal.SIGINT
    assert "Traceback" not in printed
    assert not has_begun(printed)

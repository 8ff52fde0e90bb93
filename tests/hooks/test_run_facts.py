"""Telling others is harmless to a run, and never keeps a signal from it."""

import pytest

from seqrec.errors import RunInterruptedError
from seqrec.hooks.run_facts import harmless
from seqrec.training.callbacks import EpochEnded, listening, publish

EVENT = EpochEnded("ncf", {}, "NDCG@10", True)


def raising(error):
    def tell(*_):
        raise error

    return tell


def test_what_fails_is_said_and_the_run_goes_on(caplog):
    harmless(raising(ValueError("no room")))()
    with listening(raising(OSError())):
        publish(EVENT)
    assert "(no room): the run goes on" in caplog.text
    assert "a listener failed (OSError)" in caplog.text


def test_a_signal_reaches_the_run():
    with pytest.raises(RunInterruptedError):
        harmless(raising(RunInterruptedError("stopped")))()
    with listening(raising(RunInterruptedError("stopped"))), pytest.raises(RunInterruptedError):
        publish(EVENT)

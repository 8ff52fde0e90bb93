"""Telling others is harmless to a run, and never keeps a signal from it."""

import pytest

from seqrec.errors import RunInterruptedError
from seqrec.hooks.run_facts import harmless
from seqrec.training.callbacks import Callbacks, EpochEnd

EVENT = EpochEnd("ncf", {}, "NDCG@10", True)


def raising(error):
    def tell(*_):
        raise error

    return tell


def callbacks(callback):
    made = Callbacks()
    made.add(harmless(callback))
    return made


def test_what_fails_is_said_and_the_run_goes_on(caplog):
    harmless(raising(ValueError("no room")))()
    callbacks(raising(OSError("no network")))(EVENT)
    assert "(no room): the run goes on" in caplog.text
    assert "(no network): the run goes on" in caplog.text


def test_a_signal_reaches_the_run():
    with pytest.raises(RunInterruptedError):
        harmless(raising(RunInterruptedError("stopped")))()
    with pytest.raises(RunInterruptedError):
        callbacks(raising(RunInterruptedError("stopped")))(EVENT)

"""A few of the repeats of `tests.stress.concurrency` and `tests.stress.kills`."""

import random

import pytest

from tests.stress import concurrency, kills


@pytest.mark.slow
def test_commands_that_run_at_once_lose_and_mix_nothing():
    counts = concurrency.stress(2, random.Random(5), print)
    assert counts["runs whose tables are those of a run alone"] > 2


@pytest.mark.slow
def test_a_run_that_was_killed_ends_like_any_other(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    counts = kills.stress(5, 4, random.Random(5), print)
    assert counts["ended before they were killed"] < 5

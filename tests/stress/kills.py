"""Kill commands at random moments, type them again, and compare with a run that nobody killed.

    python -m tests.stress.kills --kills 50 --terminations 20 --seed 1

Kills (SIGKILL) are spread over the pipelines of ``kedro run``: each waits for the first line of
its pipeline, then for a random part of the time that the pipeline takes. Terminations (SIGTERM)
begin with the first millisecond of the process. The same command is then typed again, as it was.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from subprocess import Popen

from tests.stress import made
from tests.toy import ALL, Folder, configure, log_with_ties, start

BEGINNINGS = {
    "data_processing": "Running node: clean_ratings",
    "recbole_format": "Running node: describe_interactions",
    "train_ncf": "Running node: train: train_ncf",
    "train_ss4rec": "Running node: train: train_ss4rec",
    "evaluation": "Running node: plot_training",
    "the end": "Pipeline execution completed",
}
"""The line with which a pipeline begins, in the order of a run. Evaluation is spread over all of
it; the line is that of its first node after the trainings."""

PIPELINES = tuple(BEGINNINGS)[:-1]

OFTEN = {"runtime": {"checkpoint_minutes": 1e-6}}
AS_OPTIONS = "runtime.checkpoint_minutes=0.000001,runtime.log_level=debug"
QUIET_END = {-signal.SIGTERM, 0, 75}


def main() -> None:
    """Kill and terminate, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--terminations", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    begun = time.monotonic()
    counts = stress(given.kills, given.terminations, random.Random(given.seed), print)
    for what, count in counts.items():
        print(f"{what}: {count}")
    print(f"seconds: {time.monotonic() - begun:.0f}")


def stress(
    kills: int, terminations: int, moments: random.Random, tell: Callable[[str], object]
) -> Counter[str]:
    """Kill and terminate.

    Args:
        kills: How many runs are killed.
        terminations: How many are terminated.
        moments: Chooses when.
        tell: Takes a line for each.

    Raises:
        AssertionError: Another result, something that is not whole, or a traceback.
    """
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WANDB_MODE"] = "disabled"
        empty = configure(Path(scratch) / "empty", log_with_ties())
        begins, expected = measure(Folder(empty, Path(scratch) / "whole"))
        for number in range(kills):
            pipeline, following = list(itertools.pairwise(BEGINNINGS))[number % len(PIPELINES)]
            later = moments.random() * (begins[following] - begins[pipeline])
            folder = Folder(empty, Path(scratch) / f"kill-{number}")
            running = start(folder.project.folder, ALL, AS_OPTIONS)
            until(running, BEGINNINGS[pipeline], later)
            status = strike(folder, running, signal.SIGKILL, expected)
            counts[f"killed in {pipeline}" if status else "ended before they were killed"] += 1
            tell(f"kill {number}: {pipeline}, {later:.2f} s after it began: status {status}")
        for number in range(terminations):
            delay = 0.001 + begins["the end"] * (number / max(terminations - 1, 1)) ** 2
            folder = Folder(empty, Path(scratch) / f"termination-{number}")
            running = start(folder.project.folder, ALL, AS_OPTIONS)
            time.sleep(delay)
            status = strike(folder, running, signal.SIGTERM, expected)
            counts[f"terminated with status {status}"] += 1
            tell(f"termination {number}: after {delay:.3f} s: status {status}")
    return counts


def measure(folder: Folder) -> tuple[dict[str, float], made.Made]:
    """Run everything undisturbed.

    Returns:
        When each pipeline has begun, in seconds from the start; what the run has made.
    """
    begun = time.monotonic()
    running = start(folder.project.folder, ALL, AS_OPTIONS)
    begins: dict[str, float] = {}
    for pipeline, line in BEGINNINGS.items():
        until(running, line)
        begins[pipeline] = time.monotonic() - begun
    assert running.wait() == 0, running.output.read_text()
    return begins, made.newest(folder.project.folder / "data")


def strike(folder: Folder, running: Popen, number: int, expected: made.Made) -> int:
    """Send a signal to a run; then type its command again.

    Args:
        folder: Where it runs; it is removed afterwards.
        running: The run.
        number: The signal.
        expected: What a run makes that nobody disturbs.

    Returns:
        How the run has ended.
    """
    running.send_signal(number)
    status = running.wait()
    text = running.output.read_text()
    assert "Traceback" not in text, text
    assert number != signal.SIGTERM or status in QUIET_END, (status, text)
    data = folder.project.folder / "data"
    made.made_by_run(data)  # what counts is whole, before anything is mended
    with redirect_stdout(io.StringIO()):
        assert folder.type(ALL, OFTEN) is None
    found = made.newest(data)
    assert found == expected, {name for name in found if found[name] != expected.get(name)}
    assert all(made.checkpoints(data).values())
    shutil.rmtree(folder.project.folder)
    return status


def until(running: Popen, line: str, later: float = 0.0) -> None:
    """Wait until a run has printed a line, and some seconds more, or until it ends."""
    while running.poll() is None and line not in running.output.read_text():
        time.sleep(0.01)
    end = time.monotonic() + later
    while running.poll() is None and time.monotonic() < end:
        time.sleep(0.002)


if __name__ == "__main__":
    main()

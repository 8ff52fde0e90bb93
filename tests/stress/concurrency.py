"""Start two to four commands at once in one folder, again and again; nothing may be lost or mixed.

    python -m tests.stress.concurrency --repeats 20 --seed 1

Every command is a process of its own, on tiny data. What it makes must be what it makes alone,
byte for byte, and so must the facts in its manifests; checkpoints must be there and finished. It
may be refused in one line, if the data or the training that it wants is another's meanwhile.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from seqrec.tables import columns as c
from tests.stress import made
from tests.toy import ALL, DATA, configure, log_with_ties, start

RATED = "source.rating=rating"
COMMANDS = {
    "everything": (ALL, RATED),
    "everything of liked items": (ALL, f"{RATED},data_processing.min_rating=3"),
    "everything with other ties": (ALL, f"{RATED},data_processing.seed=7"),
    "everything with another seed": (ALL, f"{RATED},ss4rec.training.seed=5"),
    "data of liked items": (DATA, f"{RATED},data_processing.min_rating=3"),
    "data": (DATA, RATED),
    "ss4rec": (("train_ss4rec",), RATED),
    "evaluation": (("evaluation",), RATED),
    "leaderboard": (("leaderboard",), RATED),
    "lists": (("recommend_ss4rec",), RATED),
}
REFUSALS = (
    r"is being trained with this configuration by process \d+ \(",
    r"(were made with|were made from other|was trained or ranked on other|other data)",
    r"there already: another run has begun in the same millisecond",
)
ERROR = re.compile(r"Error: (.*)")


def main() -> None:
    """Repeat, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    begun = time.monotonic()
    counts = stress(given.repeats, random.Random(given.seed), print)
    for what, count in counts.items():
        print(f"{what}: {count}")
    print(f"seconds: {time.monotonic() - begun:.0f}")


def stress(repeats: int, moments: random.Random, tell=print) -> Counter[str]:
    """Repeat.

    Args:
        repeats: How often commands are started together.
        moments: Chooses the commands, and when each starts.
        tell: Takes a line for each repeat.

    Raises:
        AssertionError: Something was lost or mixed, or a traceback was printed.
    """
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        begun = begin(Path(scratch))
        alone = {name: run_alone(begun, name, Path(scratch) / "alone") for name in COMMANDS}
        for repeat in range(repeats):
            names = moments.choices(list(COMMANDS), k=moments.randint(2, 4))
            folder = Path(scratch) / f"repeat-{repeat}"
            found = run_together(begun, names, folder, moments)
            counts += found + Counter(repeats=1, commands=len(names))
            check(folder / "data", alone, counts)
            tell(f"{repeat}: {', '.join(names)}: {dict(found)}")
            shutil.rmtree(folder)
    return counts


def begin(scratch: Path) -> Path:
    """Make a folder in which everything has run once."""
    log = log_with_ties()
    log[c.RATING] = log.index % 5 + 1
    folder = configure(scratch / "begun", log).folder
    finish(start(folder, *COMMANDS["everything"]))
    return folder


def run_alone(begun: Path, name: str, folder: Path) -> made.Made:
    """Return what a command makes if no other runs."""
    shutil.copytree(begun, folder)
    before = made.made_by_run(folder / "data")
    assert finish(start(folder, *COMMANDS[name])) is None, name
    after = made.made_by_run(folder / "data")
    shutil.rmtree(folder)
    return next((after[run] for run in after if run not in before), {})


def run_together(
    begun: Path, names: list[str], folder: Path, moments: random.Random
) -> Counter[str]:
    """Start commands within a second; count how they end."""
    shutil.copytree(begun, folder)
    running = []
    for name in names:
        time.sleep(moments.random() / 2)
        running.append(start(folder, *COMMANDS[name]))
    refusals = [finish(each) for each in running]
    for refusal in filter(None, refusals):
        assert any(re.search(known, refusal) for known in REFUSALS), refusal
    waited = sum("this run waits" in printed(each) for each in running)
    refused = len(refusals) - refusals.count(None)
    return Counter(ended=refusals.count(None), refused=refused, waited=waited)


def check(data: Path, alone: dict[str, made.Made], counts: Counter[str]) -> None:
    """Hold what each run has made against what such a run makes alone."""
    for run, own in made.made_by_run(data).items():
        assert any(own.items() <= expected.items() for expected in alone.values()), (run, own)
        counts["runs whose tables are those of a run alone"] += 1
        counts["tables and facts"] += len(own)
    finished = made.checkpoints(data)
    assert all(finished.values()), finished
    counts["checkpoints found, all finished"] += len(finished)


def finish(running) -> str | None:
    """Wait for a command; return the line that it was refused with."""
    status = running.wait(600)
    text = printed(running)
    assert "Traceback" not in text, text
    if status == 0:
        return None
    refusal = ERROR.search(text)
    assert refusal, text
    return refusal[1]


def printed(running) -> str:
    return running.output.read_text()


if __name__ == "__main__":
    main()

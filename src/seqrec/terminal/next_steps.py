"""What to do after a run, by what it has made: commands that go on where it ended."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.experiments import CHOSEN_BY
from seqrec.model_registry import ENSEMBLE, MODELS, compared
from seqrec.trees import flat, spelled

AT_MOST = 3
_OF_THIS_RUN_ALONE = ("resume", CHOSEN_BY)
"""Parameters that no later command takes over as they are."""


@dataclass(frozen=True)
class Step:
    """Something to do next.

    Attributes:
        what: What for.
        pipelines: What `kedro run` runs; empty if there is something to open, or another command.
        text: What to open or to type, if it is no run.
    """

    what: str
    pipelines: str = ""
    text: str = ""


@dataclass(frozen=True)
class Chosen:
    """What a run was started with, and the next has to be.

    Attributes:
        env: Kedro's environment; None: the default one.
        params: As Kedro reads ``--params``.
    """

    env: str | None
    params: Mapping[str, Any]

    def command(self, step: Step, brief: bool = False) -> str:
        """Spell what to type.

        Args:
            step: What to do.
            brief: Put ``…`` for the options of the run before.
        """
        if not step.pipelines:
            return step.text
        options = ["…"] if brief and self.options() else map(shlex.quote, self.options())
        return " ".join(["kedro run --pipelines", step.pipelines, *options])

    def options(self) -> list[str]:
        """Return the words of the command line that the next command needs, too."""
        name = self.params.get(CHOSEN_BY)
        params = ",".join(
            f"{name}={spelled(value)}"
            for name, value in flat(self.params)
            if name not in _OF_THIS_RUN_ALONE
        )
        given = {"--env": self.env, "--experiment": name, "--params": params}
        return [word for option, value in given.items() if value for word in (option, str(value))]


def how_to_activate() -> str:
    """Return what to type before the steps where `kedro` is not found: after ``make run``."""
    folder = Path(sys.prefix) / "bin"
    if sys.prefix == sys.base_prefix or str(folder) in os.get_exec_path():
        return ""
    script = folder / "activate"
    here = Path.cwd()
    return f"source {script.relative_to(here) if script.is_relative_to(here) else script}"


def next_steps(
    made: Collection[str], is_kept: Callable[[str], bool], report: str, held_out: bool = True
) -> list[Step]:
    """List what to do after a run.

    Args:
        made: Datasets that it has written.
        is_kept: Tells whether a dataset has been written by some run.
        report: Where the report lies if one was made.
        held_out: Whether the data have held-out items, so that something can be measured.

    Returns:
        The three most useful steps, or fewer.
    """
    trained = [name for name in MODELS if f"{name}.weights" in made]
    searched = [name for name in MODELS if f"{name}.trials" in made]
    listed = any(name.endswith(".recommendations") for name in made)
    for_use = [name for name in MODELS if f"{name}.lists" in made]
    exported = [name for name in MODELS if f"{name}.export" in made]
    ranked = any(name.endswith(".target_ranks") for name in made)
    if "report" in made:
        steps = _after_report(report, trained)
    elif "leaderboard" in made:
        steps = _after_leaderboard()
    elif searched:
        steps = _after_search(searched[0])
    elif listed:
        steps = _after_lists()
    elif for_use:
        steps = [Step("read some of them", f"recommend_{for_use[0]}")]
    elif exported:
        steps = _after_export(exported[0])
    elif f"{ENSEMBLE}.target_ranks" in made:
        steps = _after_ensemble()
    elif trained and not held_out:
        steps = _after_training_for_use(trained[0])
    elif trained:
        steps = _after_training(trained, is_kept)
    elif ranked:
        steps = [Step("see it beside the others", "leaderboard")]
    else:
        steps = _after_data(made, held_out)
    return steps[:AT_MOST]


def _after_report(report: str, trained: list[str]) -> list[Step]:
    model = trained[0] if trained else next(iter(compared(MODELS)))
    return [
        Step("read the report", text=report),
        Step("see the lineage", text="kedro viz run"),
        Step("list what to watch", f"recommend_{model}"),
    ]


def _after_training(trained: list[str], is_kept: Callable[[str], bool]) -> list[Step]:
    model = trained[0]
    others = [name for name in compared(MODELS) if name not in trained]
    steps = [Step("see it beside the others", "leaderboard")]
    if set(trained) & set(compared(MODELS)):
        missing = [f"train_{x}" for x in others if not is_kept(f"{x}.target_ranks")]
        what = "train the other, and compare" if missing else "compare it, with a report"
        steps.insert(0, Step(what, ",".join([*missing, "evaluation"])))
    seed = f"add --params {model}.training.seed=2027"
    lists = Step("list what to watch", f"recommend_{model}")
    return [*steps, lists, Step("train another seed", text=seed)]


def _after_training_for_use(model: str) -> list[Step]:
    return [
        Step("list what to watch", f"recommend_{model}"),
        Step("list for everyone", f"lists_{model}"),
        Step("take it elsewhere", f"export_{model}"),
    ]


def _after_leaderboard() -> list[Step]:
    return [
        Step("compare, with a report", "evaluation"),
        Step("average trainings", ENSEMBLE),
        Step("add a seed", text="a training with --params <model>.training.seed=2027"),
    ]


def _after_search(model: str) -> list[Step]:
    return [
        Step("train with the best", text=f"train_{model} with the --params above"),
        Step("see it beside the others", text="then kedro run --pipelines leaderboard"),
        Step("search on", text=f"add --params {model}.search.trials=40"),
    ]


def _after_lists() -> list[Step]:
    return [
        Step("see what they are like", "evaluation"),
        Step("list seen items too", text="add --params recommend.exclude_seen=false"),
    ]


def _after_export(model: str) -> list[Step]:
    return [
        Step("read its card first", text=f"README.md in the folder of {model}.export"),
        Step("list what to watch", f"recommend_{model}"),
    ]


def _after_ensemble() -> list[Step]:
    return [
        Step("compare it, with a report", "evaluation"),
        Step("see it beside the others", "leaderboard"),
        Step("list what to watch", f"recommend_{ENSEMBLE}"),
    ]


def _after_data(made: Collection[str], held_out: bool) -> list[Step]:
    trainings = [f"train_{name}" for name in compared(MODELS)]
    compare = Step("train and compare", ",".join([*trainings, "evaluation"]))
    if not held_out:
        compare = Step("train for use", trainings[0])
    if "atomic_files" in made:
        return [compare, Step("see the lineage", text="kedro viz run")]
    if any(name.split("@")[0] == "interactions" for name in made):
        return [Step("make the files", "recbole_format"), compare]
    return []

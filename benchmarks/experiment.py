"""Train every model of the comparison with several seeds, then compare them.

    python experiment.py --env smoke --seeds 2026 2027 2028 --params runtime.eval_batch_size=1024
    python experiment.py --env base --params dataset=ml-1m runtime.device=cuda --jobs 6
    python experiment.py --params dataset=ml-1m-likes source.path=ml-1m-likes.parquet …

Each training is the command that a user types. What was finished is not done again: the list of
finished commands is kept in `data/08_reporting/experiment.txt`. With `--jobs` models train side by
side (a model's own trainings never do), which says nothing about their speed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from timing import ROOT

from seqrec.model_registry import MODELS, RANKERS

ABLATIONS = (
    "model.parts=s5",
    "model.time_scale=constant",
    "model.time_scale=log1p",
    "model.time_scale=log1p_plus_one",
    "model.initialization=authors",
    "model.n_layers=1",
    "model.n_layers=3",
    "training.loss_type=BPR",
)
UNTRAINED = [name for name, spec in RANKERS.items() if not spec.compared]


def kedro(env: str, pipelines: str, params: list[str], namespaces: str = "") -> list[str]:
    """Spell a command."""
    command = [sys.executable, "-m", "kedro", "run", "--env", env, "--pipelines", pipelines]
    command += ["--namespaces", namespaces] if namespaces else []
    return [*command, "--params", ",".join(params)] if params else command


def commands(arguments: argparse.Namespace) -> list[list[list[str]]]:
    """List the stages of the experiment; within each, rows of commands that can run abreast."""
    env, shared = arguments.env, arguments.params
    data = [kedro(env, "data_processing,recbole_format", shared)]
    untrained = kedro(env, "train_baselines", shared, ",".join(UNTRAINED))
    rows: dict[str, list[list[str]]] = {model: [] for model in arguments.models}
    for seed in arguments.seeds:
        for model in arguments.models:
            rows[model].append(training(arguments, model, [f"{model}.training.seed={seed}"]))
    seed = f"ss4rec.training.seed={arguments.seeds[0]}"
    for change in arguments.ablations:
        rows.setdefault("ss4rec", []).append(
            training(arguments, "ss4rec", [seed, f"ss4rec.{change}"])
        )
    return [[data], [[untrained], *rows.values()], [[kedro(env, "leaderboard", shared)]]]


def training(arguments: argparse.Namespace, model: str, changes: list[str]) -> list[str]:
    """Spell the training of a model."""
    limits = [f"{model}.training.{x}" for x in arguments.training]
    return kedro(arguments.env, f"train_{model}", [*arguments.params, *limits, *changes])


def run(row: list[list[str]], done: Path) -> str:
    """Run commands one after the other but for those that are done; return the last's output."""
    output = ""
    for command in row:
        shown = " ".join(command[2:])
        finished = done.read_text().splitlines() if done.exists() else []
        if shown in finished and "leaderboard" not in shown:
            continue
        started = time.perf_counter()
        environment = {**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "140"}
        result = subprocess.run(
            command, cwd=ROOT, text=True, capture_output=True, env=environment, check=False
        )
        seconds = time.perf_counter() - started
        if result.returncode:
            print(f"FAILED  {shown}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}", flush=True)
            raise SystemExit(1)
        print(f"{seconds:6.0f} s  {shown}", flush=True)
        output = result.stdout
        with done.open("a") as handle:
            handle.write(f"{shown}\n")
    return output


def main() -> None:
    """Run what is not done yet, one line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="base")
    parser.add_argument("--seeds", nargs="+", type=int, default=[2026, 2027, 2028])
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--ablations", nargs="*", default=list(ABLATIONS))
    parser.add_argument("--params", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--training", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--jobs", type=int, default=1, help="models trained side by side")
    parser.add_argument("--done", type=Path, default=ROOT / "data/08_reporting/experiment.txt")
    arguments = parser.parse_args()
    arguments.done.parent.mkdir(parents=True, exist_ok=True)
    for stage in commands(arguments):
        with ThreadPoolExecutor(arguments.jobs) as pool:
            outputs = list(pool.map(lambda row: run(row, arguments.done), stage))
    print(outputs[-1][outputs[-1].rfind("history ") - 40 :])


if __name__ == "__main__":
    main()

"""Train every model of the comparison with several seeds, then compare them.

    python experiment.py --env smoke --seeds 2026 2027 2028 --params runtime.eval_batch_size=1024
    python experiment.py --env base --params dataset=ml-1m runtime.device=cuda

Each training is the command that a user types. What was finished is not done again: the list of
finished commands is kept in `data/08_reporting/experiment.txt`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from timing import ROOT

DONE = ROOT / "data" / "08_reporting" / "experiment.txt"
MODELS = {
    "ss4rec": "train_ss4rec",
    "ncf": "train_ncf",
    "sasrec": "train_baselines",
    "mamba4rec": "train_baselines",
    "gru4rec": "train_baselines",
    "bprmf": "train_baselines",
}
ABLATIONS = (
    "model.parts=s5",
    "model.time_scale=constant",
    "model.time_scale=log1p",
    "model.time_scale=log1p_plus_one",
    "model.initialization=authors",
    "training.loss_type=BPR",
)
UNTRAINED = ("recent_popularity", "item_knn")


def kedro(env: str, pipelines: str, params: list[str], namespaces: str = "") -> list[str]:
    """Spell a command."""
    command = [sys.executable, "-m", "kedro", "run", "--env", env, "--pipelines", pipelines]
    command += ["--namespaces", namespaces] if namespaces else []
    return [*command, "--params", ",".join(params)] if params else command


def commands(arguments: argparse.Namespace) -> list[list[str]]:
    """List every command of the experiment, the cheap and the needed first."""
    env, shared = arguments.env, arguments.params
    found = [kedro(env, "data_processing,recbole_format", shared)]
    found += [kedro(env, "train_baselines", shared, ",".join(UNTRAINED))]
    for seed in arguments.seeds:
        for model in arguments.models:
            limit = [f"{model}.training.{x}" for x in arguments.training]
            params = [*shared, *limit, f"{model}.training.seed={seed}"]
            pipeline = MODELS[model]
            space = model if pipeline == "train_baselines" else ""
            found.append(kedro(env, pipeline, params, space))
    for change in arguments.ablations:
        limit = [f"ss4rec.training.{x}" for x in arguments.training]
        params = [*shared, *limit, f"ss4rec.training.seed={arguments.seeds[0]}"]
        found.append(kedro(env, "train_ss4rec", [*params, f"ss4rec.{change}"]))
    return [*found, kedro(env, "leaderboard", shared)]


def main() -> None:
    """Run what is not done yet, one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", default="base")
    parser.add_argument("--seeds", nargs="+", type=int, default=[2026, 2027, 2028])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--ablations", nargs="*", default=list(ABLATIONS))
    parser.add_argument("--params", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--training", nargs="*", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    DONE.parent.mkdir(parents=True, exist_ok=True)
    finished = DONE.read_text().splitlines() if DONE.exists() else []
    for command in commands(arguments):
        shown = " ".join(command[2:])
        if shown in finished and "leaderboard" not in shown:
            continue
        started = time.perf_counter()
        environment = {**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "140"}
        done = subprocess.run(
            command, cwd=ROOT, text=True, capture_output=True, env=environment, check=False
        )
        seconds = time.perf_counter() - started
        print(f"{seconds:6.0f} s  {shown}", flush=True)
        if done.returncode:
            sys.exit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        with DONE.open("a") as handle:
            handle.write(f"{shown}\n")
    print(done.stdout[done.stdout.rfind("history ") - 40 :])


if __name__ == "__main__":
    main()

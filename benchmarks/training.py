"""Time whole trainings: `kedro run --pipeline train_ss4rec`, start of training to early stop.

    python training.py --dataset ml-1m-likes --runs sequence:2026 sequence:2027 prefix:2026

Each run is the command that a user types; its history and ranks are read from the catalog's files.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from timing import ROOT, append_rows, commit, hardware

from seqrec.metrics.ranking import metric_table
from seqrec.metrics.statistics import bootstrap_mean
from seqrec.tables import columns as c
from seqrec.tables.protocols import at

BATCH = {"sequence": 128, "prefix": 1024}


def command(mode: str, seed: int, arguments: argparse.Namespace) -> list[str]:
    """Spell the command of a run."""
    training = {
        "training_mode": mode,
        "batch_size": BATCH[mode],
        "seed": seed,
        "valid_mask": "unmasked",
    }
    values = [f"dataset={arguments.dataset}", f"runtime.device={arguments.device}"]
    values += [f"runtime.precision={arguments.precision}"]
    values += [f"ss4rec.training.{name}={value}" for name, value in training.items()]
    values += arguments.params
    return [
        sys.executable, "-m", "kedro", "run", "--env", "base", "--pipelines", "train_ss4rec",
        "--params", ",".join(values),
    ]  # fmt: skip


def results(dataset: str) -> tuple[pd.DataFrame, pd.Series]:
    """Read the last run's history, and each user's NDCG@10 (unmasked, query time known)."""
    histories = ROOT / "data" / "06_models" / dataset / "ss4rec" / "history.csv"
    ranks = ROOT / "data" / "07_model_output" / dataset / "ss4rec" / "target_ranks.parquet"
    history, table = (max(folder.iterdir()) / folder.name for folder in (histories, ranks))
    chosen = at(pd.read_parquet(table), c.UNMASKED, c.KNOWN).sort_values(c.USER)
    return pd.read_csv(history), metric_table(chosen[c.RANK].to_numpy(), (10,))


def main() -> None:
    """Run every training asked for, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-1m-likes")
    parser.add_argument("--runs", nargs="+", default=["sequence:2026"], metavar="MODE:SEED")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="tf32")
    parser.add_argument("--params", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--label", default="")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/training.csv")
    arguments = parser.parse_args()
    rows, per_user = [], {}
    for run in arguments.runs:
        mode, seed = run.split(":")
        started = time.perf_counter()
        done = subprocess.run(
            command(mode, int(seed), arguments), cwd=ROOT, text=True, capture_output=True,
            env={**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "160"}, check=False,
        )  # fmt: skip
        wall = time.perf_counter() - started
        if done.returncode:
            print(done.stdout[-3000:], done.stderr[-3000:])
            continue
        history, users = results(arguments.dataset)
        per_user[run] = users
        train, valid = history["train_seconds"], history["valid_seconds"]
        rows.append(
            {
                "run": run + arguments.label,
                "epochs": len(history),
                "best_epoch": int(history["NDCG@10"].idxmax()),
                "seconds_to_stop": round(float((train + valid).sum()), 2),
                "epoch_seconds": round(float(train.median()), 4),
                "first_epoch_seconds": round(float(train.iloc[0]), 2),
                "valid_seconds": round(float(valid.median()), 4),
                "targets_per_second": round(float(history["targets_per_second"].median())),
                "command_seconds": round(wall, 1),
                "memory_gib": round(float(history["memory_gib"].max()), 3),
                "valid_NDCG@10": round(float(history["NDCG@10"].max()), 4),
                **{f"test_{name}": round(float(users[name].mean()), 4) for name in users},
                "largest_gradient_norm": round(float(history["largest_gradient_norm"].max()), 3),
                "precision": arguments.precision,
                "hardware": hardware(arguments.device),
                "commit": commit(),
            }
        )
        print(rows[-1], flush=True)
    first = next(iter(per_user), None)
    for run, users in per_user.items():
        difference = (per_user[first] - users)[["NDCG@10"]].to_numpy()
        interval = bootstrap_mean(difference, 2000, 0.95, 0)
        low, high = np.ravel(interval.low)[0], np.ravel(interval.high)[0]
        mean = np.ravel(interval.mean)[0]
        print(f"{first} - {run}: NDCG@10 {mean:+.4f} (95 % interval {low:+.4f} to {high:+.4f})")
    if not rows:
        sys.exit("no run came to its end")
    append_rows(arguments.out, rows)


if __name__ == "__main__":
    main()

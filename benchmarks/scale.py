"""Time loading, training and full ranking on made-up interactions, 1 to 32 million.

    python scale.py --millions 1 2 4 8 16 32 --loss CE

Users, items and lengths are those of ML-32M, items follow Zipf's law, sessions have ties. Ranking
is `rank` as the pipelines call it: every user's test item among all items, history masked and
unmasked, at the known and at the unknown query time, loading included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from made_up import histories
from timing import ROOT, append_rows, commit, hardware

from seqrec.histories.loaders import make_train_loader
from seqrec.parameters import Runtime, SS4RecModel, Training
from seqrec.recbole_bridge.api import assemble, rank, train
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles, write_twin
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes

N_ITEMS = 84_000


def resident_gib() -> float:
    """Memory that the process holds now."""
    return float(psutil.Process().memory_info().rss / 2**30)


def write_interactions(folder: Path, count: int, seed: int = 0) -> AtomicFiles:
    """Write about `count` interactions as the Parquet twin of atomic files."""
    made = histories(count, N_ITEMS, exponent=1.0, longest_gap=10**7, seed=seed)
    lengths, users, total = made.lengths, len(made.lengths), len(made.items)
    starts = np.cumsum(lengths) - lengths
    position = np.arange(total) - np.repeat(starts, lengths)
    split = np.zeros(total, np.int8)
    split[starts + lengths - 2] = c.SPLITS.index(c.VALID)
    split[starts + lengths - 1] = c.SPLITS.index(c.TEST)
    table = {
        c.USER: np.repeat(np.arange(1, users + 1, dtype=np.int32), lengths),
        c.ITEM: made.items.astype(np.int32),
        c.POSITION: position.astype(np.int32),
        c.DELTA: np.where(position == 0, 0, made.gaps).astype(np.int32),
        c.SPLIT: split,
    }
    return write_twin(folder, "made-up", table, users, N_ITEMS)


def measure(millions: float, arguments: argparse.Namespace) -> dict[str, object]:
    """Load and train for some epochs."""
    model = SS4RecModel(hidden_size=64, n_layers=2, dropout=0.2, d_state=32, max_length=200)
    training = Training(
        epochs=arguments.epochs, batch_size=arguments.batch_size, loss_type=arguments.loss,
        negatives=4096 if arguments.loss == "sampled_CE" else 1, training_mode="sequence",
        candidates=arguments.candidates,
    )  # fmt: skip
    runtime = Runtime(
        device=arguments.device, precision=arguments.precision, eval_batch_size=1024,
        histories=arguments.histories, workers=arguments.workers,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        files = write_interactions(Path(folder), int(millions * 1e6))
        before = resident_gib()
        started = time.perf_counter()
        experiment = Experiment("ss4rec", model, training, runtime)
        parts = assemble(experiment, files, Processes())
        steps = len(make_train_loader(parts.feed).start(0))
        loading = time.perf_counter() - started
        held = resident_gib()
        interactions = len(parts.feed.histories.items)
        del parts
        artifact, history = train(experiment, files)
        cuda = arguments.device == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        ranked = len(rank(artifact, files, runtime)) // (len(c.MASKS) * len(c.QUERY_TIMES))
        ranking = time.perf_counter() - started
        ranking_gib = torch.cuda.max_memory_allocated() / 2**30 if cuda else 0.0
    return {
        "interactions": interactions,
        "loss_type": arguments.loss + (", unseen" if training.leaves_out_seen else ""),
        "batch_size": arguments.batch_size,
        "steps": steps,
        "load_seconds": round(loading, 2),
        "load_gib": round(held - before, 2),
        "epoch_seconds": round(float(history["train_seconds"].iloc[-1]), 2),
        "first_epoch_seconds": round(float(history["train_seconds"].iloc[0]), 2),
        "valid_seconds": round(float(history["valid_seconds"].iloc[-1]), 2),
        "memory_gib": round(float(history["memory_gib"].max()), 2),
        "users_ranked": ranked,
        "rank_seconds": round(ranking, 2),
        "rank_gib": round(ranking_gib, 2),
        "losses": " ".join(f"{loss:.3f}" for loss in history["loss"]),
        "precision": arguments.precision,
        "hardware": hardware(arguments.device),
        "commit": commit(),
    }


def main() -> None:
    """Measure every size, print rows as they come and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", nargs="+", type=float, default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--loss", choices=["CE", "sampled_CE"], default="CE")
    parser.add_argument("--candidates", choices=["all", "unseen"], default="all")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--histories", default="auto")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/scale.csv")
    arguments = parser.parse_args()
    for millions in arguments.millions:
        row = measure(millions, arguments)
        print(row, flush=True)
        append_rows(arguments.out, [row])


if __name__ == "__main__":
    main()

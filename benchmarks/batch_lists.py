"""Time every user's top items on made-up data: seconds and peak memory, on one line.

    python benchmarks/batch_lists.py
    python benchmarks/batch_lists.py --device cpu --users 2000 --items 5000

SS4Rec at the size of conf/base with weights as they are drawn: what is measured does not depend
on them. Users have histories of ML-32M's shape, of which the last 200 events are read; items that
a user has seen are left out. Timed is what `kedro run --pipelines lists_ss4rec` does once the
model is there: from the interactions in memory to Parquet on the disk. Loading is timed beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from made_up import RATINGS, USERS, histories
from timing import append_rows, commit, hardware

from seqrec.datasets.list_parts import ListPartsDataset
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Recommend, Runtime, Training
from seqrec.parameters.models import SS4RecModel
from seqrec.recbole_bridge import api
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles, write_twin
from seqrec.training.devices import peak_memory
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes

MODEL = SS4RecModel(hidden_size=64, n_layers=2, dropout=0.2, d_state=32, max_length=200)
TRAINING = Training(epochs=1, batch_size=128, loss_type="CE", training_mode="sequence")


def write_interactions(folder: Path, users: int, n_items: int) -> AtomicFiles:
    """Write made-up histories, complete: nothing is held out."""
    count = round(RATINGS * users / USERS)
    made = histories(count, n_items, exponent=1.0, longest_gap=10**7)
    total = len(made.items)
    starts = np.cumsum(made.lengths) - made.lengths
    position = np.arange(total) - np.repeat(starts, made.lengths)
    table = {
        c.USER: np.repeat(np.arange(1, len(made.lengths) + 1, dtype=np.int32), made.lengths),
        c.ITEM: made.items.astype(np.int32),
        c.POSITION: position.astype(np.int32),
        c.DELTA: np.where(position == 0, 0, made.gaps).astype(np.int32),
        c.SPLIT: np.zeros(total, np.int8),
    }
    return write_twin(folder, "made-up", table, len(made.lengths), n_items)


def drawn(files: AtomicFiles, runtime: Runtime) -> ModelArtifact:
    """Draw a model's weights."""
    torch.manual_seed(0)
    experiment = Experiment("ss4rec", MODEL, TRAINING, runtime)
    parts = api.assemble(experiment, files, Processes())
    config = {**experiment.record(), "ids": api.fingerprint(parts.dataset)}
    return ModelArtifact(parts.recommender.state_dict(), config)


def measure(files: AtomicFiles, folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """List for everyone as the pipeline does, after a few users to compile the kernels."""
    runtime = Runtime(
        device=arguments.device, eval_batch_size=arguments.batch, show_progress=False
    )
    artifact = drawn(files, runtime)
    options = Recommend(k=arguments.k, moments={"tonight": 8.0})
    few = options.model_copy(update={"users": tuple(map(str, range(arguments.batch)))})
    for _ in api.list_for_everyone(artifact, files, runtime, few):
        pass
    cuda = torch.device(arguments.device).type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    lists = api.list_for_everyone(artifact, files, runtime, options)
    started = time.perf_counter()
    ListPartsDataset(filepath=str(folder / "lists.parquet"), engine={}).save(lists)
    seconds = time.perf_counter() - started
    written = sum(path.stat().st_size for path in (folder / "lists.parquet").iterdir())
    return {
        "users": lists.facts["lists"]["users"],
        "items": arguments.items,
        "k": arguments.k,
        "batch": arguments.batch,
        "seconds": round(seconds, 2),
        "loading_seconds": round(started - began, 2),
        "peak_gib": round(peak_memory(torch.device(arguments.device)) / 2**30, 2),
        "written_mib": round(written / 2**20, 1),
        "hardware": hardware(arguments.device),
        "commit": commit(),
    }


def main() -> None:
    """Make the data, measure, print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=84_000)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1024, help="users scored at once")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="a CSV to add the line to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files = write_interactions(Path(scratch), arguments.users, arguments.items)
        row = measure(files, Path(scratch), arguments)
    told = "{users:,} users × {items:,} items, top {k}: {seconds} s, {peak_gib} GiB"
    print(told.format(**row), row)
    if arguments.out:
        append_rows(arguments.out, [row])


if __name__ == "__main__":
    main()

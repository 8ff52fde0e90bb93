"""Trainings of several processes, for tests: started once, compared with those of one.

    python -m tests.recbole_bridge.several DATA_PATH DATASET OUT STORE EPOCHS CASE [CASE ...]

as each of the processes that `start` makes; the first one writes the results.
"""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

from seqrec.recbole_bridge.api import rank, train
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training import exchange
from seqrec.training.checkpoints import CheckpointStore
from tests.conftest import CPU, MODEL_OF, ROOT
from tests.recbole_bridge.helpers import experiment_of

CASES = {
    "plain": ("ss4rec", {}, {}),
    "unseen": ("ss4rec", {"candidates": "unseen"}, {}),
    "average": ("ss4rec", {"ema_decay": 0.9, "clip_grad_norm": 0.5, "schedule": "cosine"}, {}),
    "ties": ("ss4rec", {"shuffle_ties": True, "accumulate": 2}, {}),
    "odd": ("ss4rec", {"batch_size": 5}, {}),
    "plus": ("ss4rec_plus", {"candidates": "unseen"}, {}),
    "sasrec": ("sasrec", {}, {}),
    "recorded": ("ss4rec", {}, {"gradient_exchange": "recorded"}),
    "during": ("ss4rec", {"clip_grad_norm": 0.5}, {"gradient_exchange": "during"}),
    "sharded": ("ss4rec", {"ema_decay": 0.9, "clip_grad_norm": 0.5}, {"shard_items": True}),
    "sharded unseen": ("ss4rec", {"candidates": "unseen"}, {"shard_items": True}),
    "sharded plus": ("ss4rec_plus", {"candidates": "unseen"}, {"shard_items": True}),
    "sharded sasrec": ("sasrec", {"accumulate": 2}, {"shard_items": True}),
    "linear": ("ss4rec", {"scale_batch": "linear", "batch_size": 4}, {}),
    "sampled": ("ss4rec", {"loss_type": "sampled_CE", "negatives": 16, "epochs": 6}, {}),
    "sharded sampled": (
        "ss4rec",
        {"loss_type": "sampled_CE", "negatives": 16, "epochs": 6},
        {"shard_items": True},
    ),
}
"""Model, changes of its training, changes of the machine."""

SMALL = {"ss4rec": {"max_length": 6}, "ss4rec_plus": {"scores": "cosine", "hide_query_time": 0.0}}


def run(case, files, store=None, resume=False, **changes):
    """Train and rank a case; return weights, training log and ranks."""
    name, more, machine = CASES[case]
    runtime = CPU.model_copy(update={"eval_batch_size": 5, **machine})
    sizes = {"input_dropout": 0.0} if name in ("ss4rec", "ss4rec_plus") else {}
    model = MODEL_OF[name](**sizes, **SMALL.get(name, {}))
    experiment = experiment_of(name, model, runtime, **{"epochs": 3, **more, **changes})
    artifact, log = train(experiment, files, store, resume)
    return artifact, log, rank(artifact, files, runtime)


def start(count, files, out, *cases, store="", epochs=""):
    """Start processes that run cases; return them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.recbole_bridge.several"]
    command += [str(files.data_path), files.dataset, str(out), str(store), str(epochs), *cases]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    common |= {"WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**common, "RANK": str(index), "LOCAL_RANK": str(index)},
        )
        for index in range(count)
    ]  # fmt: skip


def results(processes, out):
    """Wait for processes and read what the first one has written."""
    told = [process.communicate(timeout=240)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(told)
    return pickle.loads(Path(out).read_bytes())


def main(data_path, dataset, out, store, epochs, *cases):
    exchange.BUCKET_BYTES = 2000  # several messages, small as the models are
    changes = {"epochs": int(epochs)} if epochs else {}
    files = AtomicFiles(Path(data_path), dataset)
    kept = CheckpointStore(Path(store)) if store else None
    resume = "auto" if kept else False
    found = {case: run(case, files, kept, resume, **changes) for case in cases}
    if os.environ["RANK"] == "0":
        Path(out).write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

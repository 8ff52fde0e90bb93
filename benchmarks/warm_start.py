"""Go on from a model with the last events, against training anew: seconds and NDCG@10.

    python benchmarks/warm_start.py                                  # ML-100K, carried by RecBole
    python benchmarks/warm_start.py --parquet ratings.parquet --name "ML-1M, rebuilt"

The log is cut in time: a model is trained on all but the last events, then both ways on all of
them, and tested on each user's last event (leave one out, history masked, query time known). Of
going on there are two kinds: early stopping by validation, as training anew has it, and one epoch.
`as it is` is the first model with rows for new items and no further step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import torch
from kedro.io.core import Version
from timing import ROOT, append_rows, commit, hardware

from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.datasets.ratings import RatingsDataset
from seqrec.engine.connection import connect
from seqrec.metrics.ranking import metric_table
from seqrec.models.artifact import KeptTraining, ModelArtifact
from seqrec.parameters import DataProcessing, Runtime, Training
from seqrec.parameters.models import SS4RecModel
from seqrec.pipelines.data_processing import nodes
from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files
from seqrec.recbole_bridge import api
from seqrec.recbole_bridge.warm_start import take_over
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.protocols import at
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes
from seqrec.training.start import ANEW, Start

NAMES = [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]
ENGINE = {"backend": "duckdb", "memory_limit": "6GB"}
MODEL = SS4RecModel(
    hidden_size=64, n_layers=1, dropout=0.2, d_state=16, max_length=50, time_scale="seconds"
)
VERSION = "first"
NOBODY = pd.DataFrame(columns=[c.USER])
NO_TITLES = pd.DataFrame(columns=[c.ITEM, c.TITLE, c.YEAR, c.GENRES])


def read_log(parquet: Path | None) -> pd.DataFrame:
    """Read ratings, oldest first."""
    if parquet is None:
        with tempfile.TemporaryDirectory() as folder:
            rejects = str(Path(folder) / "rejects.csv")
            dataset = RatingsDataset(
                dataset="ml-100k", filepath=folder, engine=ENGINE, rejects=rejects
            )
            log = dataset.load().to_pandas()
    else:
        log = pd.read_parquet(parquet)
    types = {c.USER: str, c.ITEM: str, c.RATING: float, c.TIMESTAMP: "int64"}
    return log[NAMES].astype(types).sort_values(c.TIMESTAMP, kind="stable", ignore_index=True)


def make_files(log: pd.DataFrame, folder: Path) -> AtomicFiles:
    """Filter, order and split a log as the pipelines do."""
    options = DataProcessing()
    ratings = connect(ENGINE).create_table(ibis.util.gen_name("log"), log, temp=True)
    core = nodes.filter_core(nodes.clean_ratings(ratings, options), options)
    marked = nodes.mark_held_out(nodes.order_history(core, options), options).cache()
    tables = write_atomic_files(marked, NO_TITLES, NOBODY, describe_interactions(marked, options))
    path = str(folder / "log-interactions")
    AtomicFilesDataset(filepath=path, version=Version(None, "2026-01-01T00.00.00.000Z")).save(
        tables
    )
    return AtomicFilesDataset(filepath=path, version=Version(None, None)).load()


def ndcg(ranks: pd.DataFrame) -> float:
    """Average NDCG@10, history masked, query time known."""
    chosen = at(ranks, c.MASKED, c.KNOWN)
    return float(metric_table(chosen[c.RANK].to_numpy(), (10,))["NDCG@10"].mean())


def train(
    files: AtomicFiles, runtime: Runtime, start: Start = ANEW, **changes: Any
) -> tuple[ModelArtifact, dict[str, Any]]:
    """Train and test; the seconds are those of training and validation."""
    settings = {
        "epochs": 100, "batch_size": 64, "learning_rate": 0.003, "loss_type": "CE",
        "training_mode": "sequence", "early_stopping": 5, "seed": 2026,
        "warm_start": start.before.version if start.before else None,
    }  # fmt: skip
    training = Training.model_validate({**settings, **changes})
    experiment = Experiment("ss4rec", MODEL, training, runtime)
    artifact, log = api.train(experiment, files, start=start)
    seconds = float((log["train_seconds"] + log["valid_seconds"]).sum())
    figures = {
        "epochs": len(log),
        "seconds": round(seconds, 1),
        "valid_NDCG@10": round(float(log["NDCG@10"].max()), 4),
        "test_NDCG@10": round(ndcg(api.rank(artifact, files, runtime)), 4),
    }
    return artifact, figures


def as_it_is(first: KeptTraining, files: AtomicFiles, runtime: Runtime) -> dict[str, Any]:
    """Test the first model on the new data without training."""
    training = Training.model_validate(first.artifact.config["training"])
    torch.manual_seed(2026)
    experiment = Experiment("ss4rec", MODEL, training, runtime)
    parts = api.assemble(experiment, files, Processes())
    take_over(parts.recommender, parts.dataset, first, "ss4rec")
    identity = {"ids": api.fingerprint(parts.dataset), "data": files.fingerprint}
    artifact = ModelArtifact(
        parts.recommender.state_dict(), {**experiment.record(), **identity}, files.items()
    )
    score = round(ndcg(api.rank(artifact, files, runtime)), 4)
    return {"epochs": 0, "seconds": 0.0, "valid_NDCG@10": None, "test_NDCG@10": score}


def main() -> None:
    """Train four times, print a line each and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parquet", type=Path, help="user_id, item_id, rating, timestamp")
    parser.add_argument("--name", default="ML-100K")
    parser.add_argument("--share", type=float, default=0.01, help="of events that are new")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/warm_start.csv")
    arguments = parser.parse_args()
    runtime = Runtime(device=arguments.device, show_progress=False)
    log = read_log(arguments.parquet)
    cut = int(len(log) * (1 - arguments.share))
    with tempfile.TemporaryDirectory() as folder:
        before = make_files(log[:cut], Path(folder) / "before")
        after = make_files(log, Path(folder) / "after")
        started = time.perf_counter()
        artifact, first = train(before, runtime)
        start = Start(before=KeptTraining(VERSION, artifact))
        found = {
            "the first model": first,
            "as it is": as_it_is(start.before, after, runtime),
            "anew": train(after, runtime)[1],
            "gone on": train(after, runtime, start)[1],
            "gone on, 1 epoch": train(after, runtime, start, epochs=1)[1],
        }
        stats = {k: (before.stats[k], after.stats[k]) for k in ("users", "items", "interactions")}
    print({k: f"{a:,} → {b:,}" for k, (a, b) in stats.items()}, time.perf_counter() - started)
    facts = {"hardware": hardware(arguments.device), "commit": commit()}
    data = {"data": arguments.name, "new_events": arguments.share}
    rows = [{**data, "training": name, **its, **facts} for name, its in found.items()]
    print(pd.DataFrame(rows).to_string(index=False))
    append_rows(arguments.out, rows)


if __name__ == "__main__":
    main()

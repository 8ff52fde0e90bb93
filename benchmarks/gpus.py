"""Time trainings on one GPU and on several: epochs, memory, metrics, and what ends them.

    python gpus.py --processes 1 2 --ratings ml-1m.parquet

Each part is a program of its own with a time limit; the table comes last.

messages  microseconds of an exchange, by its size
full      ML-32M's size (made up): epochs, full ranking of every user
commands  ML-1M, by the commands a user types: torchrun … -m kedro run --pipelines train_ss4rec
items     ten million made-up items: rows of the embedding shared out, loss over sampled items
exchange  when gradients are summed: after the backward pass, within the graph, while it runs
failures  kill -9, SIGTERM and SIGSTOP of one process; other numbers of processes resume
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from timing import ROOT, append_rows, commit, hardware

PARTS = ("messages", "full", "items", "commands", "failures", "exchange")
LIMITS = {"messages": 40, "full": 150, "items": 100, "commands": 60, "exchange": 90}
"""Seconds that a program of a part may take."""

QUIET = {"KEDRO_DISABLE_TELEMETRY": "1", "WANDB_MODE": "disabled", "COLUMNS": "250"}
SIZE = {
    False: {"hidden_size": 64, "n_layers": 2, "dropout": 0.2, "d_state": 32, "max_length": 200},
    True: {"hidden_size": 16, "n_layers": 1, "dropout": 0.0, "d_state": 4, "max_length": 20},
}
"""Of the network, by whether everything is tiny."""


# --- a process of a training -----------------------------------------------------------------


def work(arguments: argparse.Namespace) -> None:
    """Train what a part asks for; the first process writes a line of JSON for each training."""
    from seqrec.training.devices import resolve_device
    from seqrec.training.processes import connect

    processes = connect(resolve_device(arguments.device))
    if arguments.part == "messages":
        exchange_messages(arguments, processes)
        return
    for label, experiment, files in trainings(arguments, processes.count):
        row = {"part": arguments.part, "way": label, "processes": processes.count}
        row |= measure(experiment, files, processes, ranks=arguments.part == "full")
        if processes.writes:
            note(arguments, row)


def note(arguments: argparse.Namespace, row: dict[str, Any]) -> None:
    """Add a line to the rows."""
    print(row, flush=True)
    with arguments.rows.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")


def exchange_messages(arguments: argparse.Namespace, processes: Any) -> None:
    """Time sums of several sizes: those of the gradients are 0.9 MB (ML-1M) and 22 MB (ML-32M)."""
    import torch
    from timing import median_ms

    device = "cuda" if arguments.device.startswith("cuda") else "cpu"
    for kilobytes in (1, 900, 22_000):
        values = torch.ones(kilobytes * 256, device=device)
        milliseconds = median_ms(lambda x=values: processes.add([x]), device, repeats=50)
        if processes.writes:
            row = {"part": "messages", "way": f"{kilobytes} KB", "processes": processes.count}
            note(arguments, {**row, "microseconds": round(1e3 * milliseconds, 1)})


def trainings(arguments: argparse.Namespace, processes: int) -> Iterator[tuple[str, Any, Any]]:
    """Yield each training of a part: what is tried, the experiment and its data."""
    from seqrec.tables.atomic_files import AtomicFiles

    def made(name: str) -> AtomicFiles:
        return AtomicFiles(arguments.data / name, "made-up")

    if arguments.part == "full":
        yield "", experiment_of(arguments, 512, epochs=2), made("full")
    if arguments.part == "exchange":
        for way in ("after", "recorded", "during"):
            options = {"gradient_exchange": way}
            yield f"{way}, 512 windows", experiment_of(arguments, 512, 3, options), made("part")
        for way in ("after", "recorded", "during"):
            options = {"gradient_exchange": way}
            yield f"{way}, 128 windows", experiment_of(arguments, 128, 3, options), made("small")
    if arguments.part == "items":
        options = {"shard_items": processes > 1, "eval_batch_size": 64}
        loss = {"loss_type": "sampled_CE", "negatives": 4096, "learning_rate": 0.01}
        how = "rows shared out" if processes > 1 else "whole"
        yield how, experiment_of(arguments, 256, 3, options, **loss), made("items")


def experiment_of(
    arguments: argparse.Namespace,
    batch_size: int,
    epochs: int,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> Any:
    """Configure SS4Rec at the paper's size, or a tiny one."""
    from seqrec.parameters import Runtime, SS4RecModel, Training
    from seqrec.training.experiment import Experiment

    how = {"loss_type": "CE", "candidates": "all", "training_mode": "sequence", **changes}
    if arguments.tiny:
        batch_size = 16
        how["negatives"] = min(how.get("negatives", 1), 32)
    machine = {"device": arguments.device, "precision": arguments.precision}
    machine |= {"eval_batch_size": 1024, "show_progress": False, **(options or {})}
    return Experiment(
        "ss4rec",
        SS4RecModel(**SIZE[arguments.tiny]),
        Training(epochs=epochs, batch_size=batch_size, early_stopping=epochs, **how),
        Runtime(**machine),
    )


def measure(experiment: Any, files: Any, processes: Any, ranks: bool) -> dict[str, Any]:
    """Train; return figures of the slowest process, of epochs after the first."""
    import torch

    from seqrec.recbole_bridge.api import rank, train

    on_gpu = experiment.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    ends: list[float] = []
    started = time.perf_counter()
    artifact, log = train(experiment, files, callback=lambda _: ends.append(time.perf_counter()))
    seconds = time.perf_counter() - started
    memory = torch.cuda.max_memory_allocated() if on_gpu else psutil.Process().memory_info().rss
    memory = processes.largest(memory, experiment.device)
    later = log.iloc[1:]
    row: dict[str, Any] = {
        "epoch_seconds": round(float(later["train_seconds"].median()), 3),
        "first_epoch_seconds": round(float(log["train_seconds"].iloc[0]), 2),
        "valid_seconds": round(float(later["valid_seconds"].median()), 3),
        "wall_seconds": round(ends[-1] - ends[-2], 3) if len(ends) > 1 else "",
        "training_seconds": round(seconds, 1),
        "memory_gib": round(memory / 2**30, 2),
        "losses": " ".join(f"{loss:.4f}" for loss in log["loss"]),
        "valid_NDCG@10": round(float(log["NDCG@10"].iloc[-1]), 5),
    }
    if ranks:
        started = time.perf_counter()
        ranked = rank(artifact, files, experiment.runtime)
        row["rank_seconds"] = round(time.perf_counter() - started, 2)
        row["users_ranked"] = int(ranked["user_id"].nunique())
    return row


# --- data --------------------------------------------------------------------------------------


def make_data(arguments: argparse.Namespace) -> None:
    """Write made-up interactions of a part's sizes below `--data`."""
    import scale

    sizes = {"full": (32e6, 84_000), "part": (8e6, 84_000), "small": (1e6, 3_400)}
    sizes["items"] = (4e5, 10_000_000)
    for name, (interactions, items) in sizes.items():
        if name not in arguments.made:
            continue
        if arguments.tiny:
            interactions, items = 2e3, 300
        scale.N_ITEMS = int(items)
        scale.write_interactions(arguments.data / name, int(interactions))


def kedro_parameters(arguments: argparse.Namespace) -> str:
    """Spell where the commands find ML-1M and keep what they make."""
    folder = arguments.data / "kedro"
    values = {
        "dataset": "ml-1m-rebuilt",
        "data": folder,
        "source.path": arguments.ratings,
        "source.rating": "rating",
        "runtime.device": arguments.device,
        "runtime.precision": "float32" if arguments.device == "cpu" else "tf32",
        "runtime.eval_batch_size": 1024,
        "runtime.show_progress": "false",
    }
    if arguments.tiny:
        small = {**SIZE[True], "input_dropout": 0.0}
        values |= {f"ss4rec.model.{name}": value for name, value in small.items()}
        values |= {"data_processing.min_rating": 5, "data_processing.user_core": 150}
    return ",".join(f"{name}={value}" for name, value in values.items())


# --- the parts, one program after the other ------------------------------------------------------


class Bench:
    """Runs programs with time limits and keeps their rows and output.

    Args:
        arguments: Of the command line.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.rows: list[dict[str, Any]] = []
        self.ends = time.monotonic() + arguments.seconds
        arguments.logs.mkdir(parents=True, exist_ok=True)

    @property
    def left(self) -> float:
        """Seconds until all must be over."""
        return self.ends - time.monotonic()

    def command(self, processes: int, *program: str) -> list[str]:
        """Spell a program as one process, or as several under torchrun."""
        if processes == 1:
            return [sys.executable, *program]
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        return [sys.executable, *launcher, str(processes), *program]

    def start(self, name: str, command: list[str], **more: str) -> subprocess.Popen[bytes]:
        """Start a program in a group of its own, with its output in a log."""
        handle = (self.arguments.logs / f"{name}.log").open("ab")
        return subprocess.Popen(
            command, cwd=ROOT, stdout=handle, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, **QUIET, **more},
        )  # fmt: skip

    def wait(self, name: str, running: subprocess.Popen[bytes], limit: float) -> float | None:
        """Wait for a program; one that takes too long is killed.

        Returns:
            Its seconds; None if it failed.
        """
        started = time.monotonic()
        try:
            status = running.wait(max(1.0, min(limit, self.left)))
        except subprocess.TimeoutExpired:
            kill(running)
            status = "time limit"
        if status != 0:
            print(f"{name}: {status}; {self.last_lines(name, 6)}", flush=True)
            return None
        return time.monotonic() - started

    def run(self, name: str, command: list[str], limit: float, **more: str) -> float | None:
        """Run a program to its end."""
        if self.left < 20:
            print(f"{name}: no time left", flush=True)
            return None
        return self.wait(name, self.start(name, command, **more), limit)

    def last_lines(self, name: str, count: int) -> str:
        """Return the end of a log."""
        text = (self.arguments.logs / f"{name}.log").read_text(errors="replace")
        return " | ".join(line.strip()[:300] for line in text.splitlines()[-count:])

    def worker(self, part: str, processes: int) -> None:
        """Run a part's trainings on some processes and read their rows."""
        name = f"{part}-{processes}"
        rows = self.arguments.logs / f"{name}.jsonl"
        program = [__file__, "--worker", "--part", part, "--rows", str(rows)]
        program += ["--data", str(self.arguments.data), "--device", self.arguments.device]
        program += ["--precision", self.arguments.precision]
        program += ["--tiny"] if self.arguments.tiny else []
        self.run(name, self.command(processes, *program), LIMITS[part])
        if rows.exists():
            self.rows += [json.loads(line) for line in rows.read_text().splitlines()]

    def make(self, *names: str) -> subprocess.Popen[bytes]:
        """Begin to write data."""
        program = [__file__, "--make", *names, "--data", str(self.arguments.data)]
        program += ["--tiny"] if self.arguments.tiny else []
        return self.start("data-" + "-".join(names), [sys.executable, *program])

    # --- commands that a user types

    def prepare(self) -> subprocess.Popen[bytes]:
        """Begin to process ML-1M."""
        return self.start("kedro-data", self.kedro(1, "data_processing,recbole_format", ""))

    def kedro(self, processes: int, pipelines: str, parameters: str) -> list[str]:
        """Spell a command."""
        given = ",".join(x for x in (kedro_parameters(self.arguments), parameters) if x)
        program = ["-m", "kedro", "run", "--env", "base", "--pipelines", pipelines]
        return self.command(processes, *program, "--params", given)

    def commands(self) -> None:
        """Train on ML-1M with one process and with several, the same batch and a scaled one."""
        epochs = 2 if self.arguments.tiny else 10
        short = f"ss4rec.training.epochs={epochs},ss4rec.training.early_stopping={epochs}"
        exact = f"{short},ss4rec.model.dropout=0.0"
        for count in self.arguments.processes:
            self.train("no dropout", count, exact)
        for count in self.arguments.processes:
            self.train("as configured", count, short)
            for how in ("sqrt", "linear") if count > 1 else ():
                scaled = f"{short},ss4rec.training.scale_batch={how}"
                self.train(f"batch a process, {how}", count, scaled)

    def train(self, way: str, processes: int, parameters: str) -> None:
        """Run a training and read its log and its ranks."""
        name = f"commands-{processes}-{way.replace(' ', '-').replace(',', '')}"
        before = set(self.versions("06_models", "history.csv"))
        anew = f"{parameters},resume=false"  # a finished training would be used again
        seconds = self.run(name, self.kedro(processes, "train_ss4rec", anew), 60)
        if seconds is None:
            return
        (version,) = set(self.versions("06_models", "history.csv")) - before
        log = pd.read_csv(version)
        ranks = max(self.versions("07_model_output", "target_ranks.parquet"))
        table = pd.read_parquet(ranks)
        chosen = table[(table["mask"] == "masked") & (table["query_time"] == "known")]
        self.rows.append(
            {
                "part": "commands",
                "way": way,
                "processes": processes,
                "epoch_seconds": round(float(log["train_seconds"].iloc[1:].median()), 4),
                "first_epoch_seconds": round(float(log["train_seconds"].iloc[0]), 2),
                "valid_seconds": round(float(log["valid_seconds"].iloc[1:].median()), 4),
                "training_seconds": round(seconds, 1),
                "memory_gib": round(float(log["memory_gib"].max()), 2),
                "losses": " ".join(f"{loss:.4f}" for loss in log["loss"]),
                "valid_NDCG@10": round(float(log["NDCG@10"].iloc[-1]), 5),
                "users_ranked": len(chosen),
                "test_HR@10": round(float((chosen["rank"] <= 10).mean()), 5),
            }
        )
        print(self.rows[-1], flush=True)

    def versions(self, layer: str, name: str) -> list[Path]:
        """Find all versions of a file of the trainings."""
        folder = self.arguments.data / "kedro" / layer / "ml-1m-rebuilt" / "ss4rec" / name
        return [path / name for path in folder.iterdir()] if folder.is_dir() else []

    # --- what ends a training

    def failures(self) -> None:
        """End one process in each way; each next number of processes resumes."""
        several = max(self.arguments.processes)
        long = "ss4rec.training.epochs=100000,ss4rec.training.early_stopping=100000"
        long += ",ss4rec.training.seed=1,runtime.checkpoint_minutes=0.03"
        tries = (
            ("kill -9 of one", several, signal.SIGKILL),
            ("Ctrl-C of the only one", 1, signal.SIGINT),
            ("SIGTERM to one", several, signal.SIGTERM),
            ("SIGSTOP of one", several, signal.SIGSTOP),
        )
        for way, count, number in tries:
            name = f"failures-{way.replace(' ', '-')}"
            if self.left < 60:
                print(f"{name}: no time left", flush=True)
                return
            self.fail(way, name, count, number, self.kedro(count, "train_ss4rec", long))

    def fail(self, way: str, name: str, count: int, number: int, command: list[str]) -> None:
        """Start a training, end one of its processes after a checkpoint, and look what is left."""
        before = self.checkpoints()
        running = self.start(name, command)
        begun = time.monotonic()
        while self.checkpoints() <= before and running.poll() is None:
            time.sleep(0.2)
            if time.monotonic() - begun > 45:
                break
        time.sleep(1)
        if running.poll() is not None:
            print(f"{name}: ended by itself; {self.last_lines(name, 6)}", flush=True)
            return
        group = workers(running.pid) or [psutil.Process(running.pid)]
        group[-1].send_signal(number)
        sent = time.monotonic()
        waited = [*group, psutil.Process(running.pid)]
        _, alive = psutil.wait_procs(waited, timeout=45)
        seconds = time.monotonic() - sent
        kill(running)
        text = (self.arguments.logs / f"{name}.log").read_text(errors="replace")
        said = [x.strip() for x in text.splitlines() if x.startswith("Error: ")]
        self.rows.append(
            {
                "part": "failures",
                "way": way,
                "processes": count,
                "epoch_seconds": "",
                "seconds_to_stop": round(seconds, 1),
                "left_over": len(alive),
                "resumed": "resumes in epoch" in " ".join(text.split()),
                "newest_whole": self.newest_whole(),
                "lines": len(said),
                "line": said[-1][:250] if said else self.last_lines(name, 1),
            }
        )
        print(self.rows[-1], flush=True)

    def _stores(self) -> list[Path]:
        folder = self.arguments.data / "kedro/06_models/ml-1m-rebuilt/ss4rec/checkpoints"
        return [path for path in folder.glob("experiment-*") if path.is_dir()]

    def checkpoints(self) -> int:
        """Return the newest checkpoint's number, of all experiments."""
        names = [p.name for store in self._stores() for p in store.iterdir() if p.name.isdigit()]
        return max(map(int, names), default=-1)

    def newest_whole(self) -> bool:
        """Return whether the experiment written last ends with a whole checkpoint."""
        from seqrec.training.checkpoints import CheckpointStore, _verify

        folder = max(self._stores(), key=lambda path: path.stat().st_mtime)
        store = CheckpointStore(folder)
        try:
            _verify(folder / store.names()[0])
        except (OSError, ValueError, KeyError, IndexError):
            return False
        return True


def workers(pid: int) -> list[psutil.Process]:
    """Find the processes that torchrun has started."""
    return [x for x in psutil.Process(pid).children() if "kedro" in " ".join(x.cmdline())]


def kill(running: subprocess.Popen[bytes]) -> None:
    """Kill a program and all that it has started."""
    try:
        below = psutil.Process(running.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    for process in below:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    running.wait()


COLUMNS = (
    "part", "way", "processes", "epoch_seconds", "speed_up", "first_epoch_seconds",
    "valid_seconds", "wall_seconds", "training_seconds", "memory_gib", "losses", "valid_NDCG@10",
    "test_HR@10", "rank_seconds", "users_ranked", "seconds_to_stop", "left_over", "resumed",
    "newest_whole", "microseconds", "lines", "line", "precision", "hardware", "commit",
)  # fmt: skip


def finish(bench: Bench) -> None:
    """Write the rows with their speed-ups, and print a table."""
    arguments = bench.arguments
    common = {"hardware": hardware(arguments.device), "commit": commit()}
    alone = {(row["part"], row["way"]): row for row in bench.rows if row["processes"] == 1}
    for row in bench.rows:
        base = alone.get((row["part"], row["way"]), {}).get("epoch_seconds")
        if base and row.get("epoch_seconds"):
            row["speed_up"] = round(base / row["epoch_seconds"], 3)
        kedro = row["part"] in ("commands", "failures")
        row["precision"] = "tf32" if kedro and arguments.device == "cuda" else arguments.precision
    rows = [{name: {**row, **common}.get(name, "") for name in COLUMNS} for row in bench.rows]
    if rows:
        append_rows(arguments.out, rows)
    for row in rows:
        shown = {k: v for k, v in row.items() if v != "" and k not in ("hardware", "commit")}
        print("  ".join(f"{k} {v}" for k, v in shown.items())[:420])


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=3600, help="all parts together")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--ratings", type=Path, help="ML-1M's ratings as a table of one's own")
    parser.add_argument("--data", type=Path, default=None, help="scratch; a temporary folder")
    parser.add_argument("--logs", type=Path, default=Path("gpus-logs"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/gpus.csv")
    parser.add_argument("--tiny", action="store_true", help="sizes to try the program with")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs="+", dest="made", help=argparse.SUPPRESS)
    return parser.parse_args()


NEEDED = {"full": ["full"], "exchange": ["part", "small"], "items": ["items"]}


def main() -> None:
    """Run the parts in the order given."""
    arguments = parse()
    if arguments.worker:
        work(arguments)
        return
    if arguments.made:
        make_data(arguments)
        return
    folder = Path(tempfile.mkdtemp()) if arguments.data is None else arguments.data
    arguments.data = folder.absolute()
    arguments.logs = arguments.logs.absolute()
    bench = Bench(arguments)
    try:
        run_parts(bench)
    finally:
        finish(bench)
        if arguments.tiny:
            shutil.rmtree(arguments.data, ignore_errors=True)


def run_parts(bench: Bench) -> None:
    """Write the data side by side, then measure one part after the other."""
    arguments = bench.arguments
    names = [name for part in arguments.parts for name in NEEDED.get(part, [])]
    made = {name: bench.make(name) for name in names}
    if {"commands", "failures"} & set(arguments.parts) and arguments.ratings:
        bench.wait("kedro-data", bench.prepare(), 90)
    several = max(arguments.processes)
    if "messages" in arguments.parts:
        bench.worker("messages", several)
    for name, running in made.items():
        bench.wait(f"data-{name}", running, 120)
    for part in (part for part in PARTS if part in arguments.parts):
        if part in ("commands", "failures"):
            if arguments.ratings:
                getattr(bench, part)()
        elif part == "full":
            for count in arguments.processes:
                bench.worker(part, count)
        elif part != "messages":
            bench.worker(part, several)
    if "items" in arguments.parts and several > 1:
        bench.worker("items", 1)  # for the memory of one process


if __name__ == "__main__":
    main()

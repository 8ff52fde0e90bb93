"""Time the service: one more event of a session and the list of ten that follows it.

    python serving.py --items 3416 84000 --workers 1 2 --seconds 60
    python serving.py --items 3416 --sessions 100000
    python serving.py --agree ../data/06_models/ml-100k/ss4rec

The first needs `wrk` (Debian has it): a generator in Python would be slower than what it
measures. It asks as fast as answers come over so many connections: latencies are those of a full
load. Models are made up, at the sizes of conf/base: what they have learned does not change their
speed.

The second opens sessions and looks at the memory of the service every tenth of the way. The third
compares the lists of the pipeline, the API, a session and the service for real users.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import torch
import yaml
from kedro.io.core import Version
from timing import ROOT, append_rows, commit, hardware

from seqrec import Recommender
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.models.artifact import ModelArtifact
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import resolve
from seqrec.parameters import Recommend, Runtime, SS4RecModel
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles

RESULTS = ROOT / "benchmarks" / "results"
MOMENTS = {"now": 0.01, "tonight": 8.0, "in a month": 720.0}
KIND = {"Content-Type": "application/json"}
HISTORY = [{"item": "5", "at": 1_000_000_000}, {"item": "6", "at": 1_000_000_060}]


def make_model(folder: Path, items: int) -> Path:
    """Write weights that have learned nothing, with titles."""
    conf = yaml.safe_load((ROOT / "conf/base/parameters_ss4rec.yml").read_text(encoding="utf-8"))
    sizes = SS4RecModel.model_validate(conf["ss4rec"]["model"])
    torch.manual_seed(0)
    network = SS4RecEncoder(sizes, items + 1, resolve("torch", "cpu"))
    weights = {f"encoder.{name}": value for name, value in network.state_dict().items()}
    ids = [str(number) for number in range(items)]
    years = pd.array([1950 + number % 70 for number in range(items)], "Int64")
    titles = [f"Film {name}" for name in ids]
    table = pd.DataFrame({c.ITEM: ids, c.TITLE: titles, c.YEAR: years, c.GENRES: "Drama|War"})
    config = {"name": "ss4rec", "model": sizes.model_dump(mode="json"), "training": {}, "ids": ""}
    place = folder / str(items) / "ss4rec"
    version = Version(None, "made-up")
    dataset = ModelArtifactDataset(filepath=str(place / "weights"), version=version)
    dataset.save(ModelArtifact(weights, config, table))
    return place


class Service:
    """A service in processes of its own, ended with the block."""

    def __init__(self, folder: Path, model: Path, workers: int, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "seqrec.serving", f"--model=ss4rec={model}"]
        command += [f"--port={self.port}", f"--workers={workers}", *options]
        self._log = (folder / "service.txt").open("w")
        self._running = subprocess.Popen(
            command, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT
        )
        self.process = psutil.Process(self._running.pid)

    def __enter__(self) -> Service:
        """Wait until it answers."""
        for _ in range(1800):
            try:
                self.ask("GET", "/healthz")
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise RuntimeError("the service does not answer")

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._running.send_signal(signal.SIGTERM)
        self._running.wait()

    def ask(self, method: str, path: str, body: Any = None, connection: Any = None) -> Any:
        """Ask for something."""
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own.request(method, path, None if body is None else json.dumps(body), KIND)
        content = own.getresponse().read()
        return json.loads(content) if content else None

    def cpu_seconds(self) -> float:
        """Return what its processes have used."""
        everyone = [self.process, *self.process.children(recursive=True)]
        times = [process.cpu_times() for process in everyone]
        return sum(each.user + each.system for each in times)

    def resident_mib(self) -> float:
        """Return the memory of its processes."""
        everyone = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_info().rss for process in everyone) / 2**20


def load(folder: Path, items: int, workers: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Ask as fast as answers come; return a row."""
    folder.mkdir(exist_ok=True)
    model = make_model(folder, items)
    for old in folder.glob("sessions.db*"):
        old.unlink()
    sessions = arguments.store or f"sqlite:{folder / 'sessions.db'}"
    with Service(folder, model, workers, f"--sessions={sessions}") as service:
        ids = [
            service.ask("POST", "/sessions", {"history": HISTORY})["session"] for _ in range(500)
        ]
        (folder / "ids").write_text("\n".join(ids), encoding="utf-8")
        before = service.cpu_seconds()
        told = subprocess.run(
            [
                "wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s",
                "-s", str(ROOT / "benchmarks/serving.lua"), f"http://127.0.0.1:{service.port}",
            ],
            env={**os.environ, "IDS": str(folder / "ids"), "ITEMS": str(items)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        used = service.cpu_seconds() - before
        memory = service.resident_mib()
    result = next(line for line in told.stdout.splitlines() if line.startswith("RESULT"))
    requests, seconds, errors, p50, p99, most = map(float, result.split()[1:])
    return {
        "items": items,
        "workers": workers,
        "store": sessions.partition(":")[0],
        "connections": arguments.connections,
        "seconds": round(seconds, 1),
        "requests_per_second": round(requests / seconds),
        "errors": int(errors),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(most, 1),
        "cpu_ms_per_request": round(1000 * used / requests, 3),
        "resident_mib": round(memory),
        "machine_load": round(os.getloadavg()[0], 1),
        **where(),
    }


def grow(folder: Path, items: int, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Open many sessions with a list each; yield a row for each tenth."""
    model = make_model(folder, items)
    with Service(folder, model, 1, f"--sessions=sqlite:{folder / 'sessions.db'}") as service:

        def open_some(number: int) -> None:
            own = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            for _ in range(number):
                new = service.ask("POST", "/sessions", {"history": HISTORY}, own)
                service.ask("POST", f"/sessions/{new['session']}/recommend", {}, own)
            own.close()

        part = arguments.sessions // 10
        for tenth in range(1, 11):
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(open_some, [part // 16] * 16))
            yield {
                "items": items,
                "sessions": tenth * (part // 16) * 16,
                "resident_mib": round(service.resident_mib()),
                **where(),
            }


def agree(place: Path, users: int) -> dict[str, Any]:
    """Compare lists of ten for three moments after each user's last event, made in four ways."""
    recommender = Recommender.load(place)
    names = recommender.folder.needed_data().known_users.names[:users]
    options = Recommend(k=10, users=names, moments=MOMENTS)
    wanted = lists_of_pipeline(place, recommender, options)
    same = {"api": 0, "session": 0, "service": 0}
    with tempfile.TemporaryDirectory() as folder:
        store = f"--sessions=sqlite:{folder}/sessions.db"
        with Service(Path(folder), place.absolute(), 1, store) as service:
            for name in names:
                for moment, hours in MOMENTS.items():
                    for way, listed in ways(recommender, service, name, int(3600 * hours)):
                        same[way] += listed == wanted[name, moment]
    return {"users": users, "lists": len(wanted), **same, **where()}


def lists_of_pipeline(place: Path, recommender: Recommender, options: Recommend) -> Any:
    """Return what ``recommend_<model>`` lists, by user and moment."""
    from seqrec.recbole_bridge.api import recommend

    version = Version(recommender.version, None)
    artifact = ModelArtifactDataset(filepath=str(place / "weights"), version=version).load()
    data = recommender.folder.needed_data().path
    files = AtomicFiles(data.parent.absolute(), data.name)
    table = recommend(artifact, files, Runtime(device="cpu", show_progress=False), options)
    return table.groupby([c.USER, c.MOMENT])[c.ITEM].agg(list).to_dict()


def ways(recommender: Recommender, service: Service, name: str, seconds: int) -> Any:
    """Make a user's list by the API, by a session that grows at its end, and by the service."""
    history = recommender.history_of(name)
    ids = [recommender.items[row].id for row in history.items.tolist()]
    events = list(zip(ids, history.times.tolist(), history.ratings.tolist(), strict=True))
    at = events[-1][1] + seconds
    session = recommender.session(events[:-1])
    session.add(*events[-1])
    given = [{"item": item, "at": when, "rating": rating} for item, when, rating in events]
    new = service.ask("POST", "/sessions", {"history": given[:-1]})["session"]
    last = {**given[-1], "recommend": {"at": at}}
    served = service.ask("POST", f"/sessions/{new}/events", last)["list"]["items"]
    yield "api", [item.item for item in recommender.recommend(events, at=at)]
    yield "session", [item.item for item in session.recommend(at=at)]
    yield "service", [item["item"] for item in served]


def where() -> dict[str, object]:
    """Say on which machine this was measured, and at which commit."""
    return {"hardware": hardware("cpu"), "cores": os.cpu_count(), "commit": commit()}


def main() -> None:
    """Measure what was asked for, print rows as they come and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", nargs="+", type=int, default=[3416, 84_000])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--store", help="redis://…; SQLite if it is not given")
    parser.add_argument("--sessions", type=int, help="open so many, and look at the memory")
    parser.add_argument("--agree", type=Path, help="compare the ways to rank with this model")
    parser.add_argument("--users", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.agree:
        row = agree(arguments.agree, arguments.users)
        print(row)
        append_rows(RESULTS / "serving-agree.csv", [row])
        return
    if not arguments.sessions and shutil.which("wrk") is None:
        parser.exit(1, "wrk is not installed: apt-get install wrk\n")
    with tempfile.TemporaryDirectory() as folder:
        for items in arguments.items:
            if arguments.sessions:
                for row in grow(Path(folder), items, arguments):
                    print(row, flush=True)
                    append_rows(RESULTS / "serving-memory.csv", [row])
                continue
            for workers in arguments.workers:
                row = load(Path(folder) / str(workers), items, workers, arguments)
                print(row, flush=True)
                append_rows(RESULTS / "serving.csv", [row])


if __name__ == "__main__":
    main()

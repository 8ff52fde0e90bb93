"""Projects with one trained model each, on small data."""

import functools
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from kedro.io.core import Version

from seqrec import Recommender
from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.errors import ProjectError
from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files
from seqrec.serving.service.store_of import open_store
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from tests.conftest import MODEL_OF, NOBODY, cyclic_ratings, on_engine, process
from tests.recbole_bridge.helpers import train_of

VERSION = "2026-01-01T00.00.00.000Z"
MONTH = 30 * 86_400


def movies_of(interactions: pd.DataFrame) -> pd.DataFrame:
    ids = sorted(set(interactions[c.ITEM]), key=int)
    years = [1990 + int(name) for name in ids]
    return pd.DataFrame(
        {
            c.ITEM: ids,
            c.TITLE: [f"Film {name}, The ({year})" for name, year in zip(ids, years, strict=True)],
            c.YEAR: pd.array(years, "Int64"),
            c.GENRES: ["Drama|Film-Noir" if int(name) % 2 else "Hip Hop" for name in ids],
        }
    )


@dataclass(eq=False)
class Home:
    """A project's data folder, with its interactions."""

    folder: Path
    interactions: pd.DataFrame

    @functools.cached_property
    def files(self) -> AtomicFiles:
        place = str(self.folder / "05_model_input/toy/toy-interactions")
        table = on_engine(self.interactions)
        stats = describe_interactions(table)
        made = write_atomic_files(table, movies_of(self.interactions), NOBODY, stats)
        AtomicFilesDataset(filepath=place, version=Version(None, VERSION)).save(made)
        return AtomicFilesDataset(filepath=place, version=Version(None, None)).load()

    @functools.cache  # noqa: B019 - lives as long as the session
    def artifact(self, name, **changes):
        return train_of(name, self.files, MODEL_OF[name](**changes), epochs=1)[0]

    @functools.cache  # noqa: B019
    def model(self, name: str) -> Path:
        place = self.folder / "06_models/toy" / name
        self.save(name, place / "weights", VERSION)
        return place

    def save(self, name, place, version, **changes):
        dataset = ModelArtifactDataset(filepath=str(place), version=Version(None, version))
        dataset.save(self.artifact(name, **changes))

    @functools.cache  # noqa: B019
    def recommender(self, name: str) -> Recommender:
        return Recommender.load(self.model(name))

    def before_test(self, user: str) -> pd.DataFrame:
        """What a user had done before the held-out event."""
        rows = self.interactions[self.interactions[c.USER] == user].sort_values(c.POSITION)
        return rows[rows[c.SPLIT].isin([c.TRAIN, c.VALID])]

    def events(self, user: str) -> list[tuple[str, int, float]]:
        rows = self.before_test(user)
        return list(zip(rows[c.ITEM], rows[c.TIMESTAMP], rows[c.RATING], strict=True))

    def test_event(self, user: str) -> tuple[str, int]:
        rows = self.interactions
        row = rows[(rows[c.USER] == user) & (rows[c.SPLIT] == c.TEST)].iloc[0]
        return row[c.ITEM], int(row[c.TIMESTAMP])


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Home:
    return Home(tmp_path_factory.mktemp("home"), process(cyclic_ratings(users=40, longest=18)))


@pytest.fixture(scope="session", params=list(MODEL_OF))
def name(request) -> str:
    return request.param


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """A Redis of the tests' own; skips where it is not installed, but never in CI."""
    server = shutil.which("redis-server")
    if server is None:
        reason = "redis-server is not installed (make redis)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    for _ in range(100):
        try:
            open_store(url, MONTH).close()
            break
        except ProjectError:
            time.sleep(0.05)
    yield url
    running.terminate()
    running.wait()

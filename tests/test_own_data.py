"""Data of one's own through the commands that a user types."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.cli import QUIET, kedro
from tests.conftest import cyclic_ratings


def write_log(folder, repeat=1):
    """A shop's log: other names, ISO times, a bad row at the end."""
    table = pd.concat(
        [
            cyclic_ratings().assign(user_id=lambda t, n=n: t["user_id"] + 100 * n)
            for n in range(repeat)
        ]
    )
    at = pd.to_datetime(table["timestamp"], unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    log = pd.DataFrame(
        {"at": at, "customer": "c" + table["user_id"].astype(str), "sku": table["item_id"]}
    )
    log.to_csv(folder / "log.csv", index=False)
    with (folder / "log.csv").open("a") as handle:
        handle.write("yesterday,c1,7\n")
    return log


def command(*more):
    columns = "source.user=customer,source.item=sku,source.timestamp=at,source.time_unit=iso"
    small = "data_processing.item_core=1,ss4rec.training.epochs=1"
    params = ",".join(["dataset=shop,source.path=log.csv", columns, small, *more])
    return [
        "run",
        "--pipelines",
        "data_processing,recbole_format,train_ss4rec",
        "--params",
        params,
    ]


def test_a_log_of_ones_own_from_the_first_mistake_to_ranks(project):
    log = write_log(project)
    refused = kedro(project, *command())
    assert refused.returncode == 1
    last = refused.stdout.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert f"log.csv: 1 bad rows, line {len(log) + 2}: at 'yesterday' is no time" in last
    assert not list((project / "data").rglob("*.parquet"))
    done = kedro(project, *command("source.on_bad_rows=reject"))
    assert done.returncode == 0, done.stdout[-2000:]
    rejects = pd.read_csv(project / "data/02_intermediate/shop/rejects.csv")
    assert rejects["line"].tolist() == [len(log) + 2]
    stats = json.loads((project / "data/05_model_input/shop/interaction_stats.json").read_text())
    assert stats["users"] == log["customer"].nunique()
    (ranks,) = (project / "data/07_model_output/shop/ss4rec").glob("*/*/*.parquet")
    assert set(pd.read_parquet(ranks)["user_id"]) == set(log["customer"])
    # Later commands need the name alone, and what is new: here the titles.
    (project / "things.csv").write_text(
        "sku,name\n" + "".join(f"{n},Thing {n}\n" for n in range(15))
    )
    named = "dataset=shop,data_processing.item_core=1,ss4rec.training.epochs=1"
    titled = f"{named},source.items.path=things.csv,source.items.title=name"
    done = kedro(project, "run", "--pipelines", "recommend_ss4rec", "--params", titled)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Thing 1" in done.stdout
    done = kedro(project, "run", "--pipelines", "recbole_format", "--params", named)
    assert done.returncode == 0, done.stdout[-2000:]
    files = sorted((project / "data/05_model_input/shop").rglob("shop-interactions.item"))[-1]
    titles = pd.read_csv(files, sep="\t", dtype=str).set_index("item_id:token")
    assert titles.loc["7", "title:token_seq"] == "Thing 7"
    assert titles.loc["17", "title:token_seq"] == "17"


@pytest.mark.slow
def test_a_run_killed_while_it_writes_leaves_nothing_that_is_taken_for_a_table(project):
    write_log(project, repeat=600)
    arguments = command("source.on_bad_rows=reject")
    arguments[2] = "data_processing,recbole_format"
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments], cwd=project, env={**os.environ, **QUIET},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    folder = project / "data" / "03_primary" / "shop" / "interactions.parquet"
    until = time.monotonic() + 60
    while not list(folder.glob(".*")) and time.monotonic() < until:
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(folder.glob("*/interactions.parquet"))
    done = kedro(project, *arguments)
    assert done.returncode == 0, done.stdout[-2000:]
    (table,) = folder.glob("*/interactions.parquet")
    assert len(pd.read_parquet(table)) > 50_000


def test_a_newcomers_toy_table_runs_from_end_to_end(project):
    rows = [f"u{user},i{item},{60 * user + item}" for user in range(5) for item in range(6)]
    (project / "toy.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    short = "ss4rec.training.epochs=1,ncf.training.epochs=1"
    done = kedro(project, "run", "--params", f"dataset=toy,source.path=toy.csv,{short}")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "at most 6 items are ranked" in done.stdout
    assert list((project / "data" / "08_reporting" / "toy").rglob("report.html"))

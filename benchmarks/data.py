"""Time csv → interactions → atomic files and Parquet, and the same steps in pandas.

    python data.py --millions 1 2 4 8 16 32          # growth; one `kedro run` each
    python data.py --millions 5 --pandas             # both in one run, with their ratio
    python data.py --millions 5 --env spark          # the same nodes on Spark; compares the files

Made-up ratings in GroupLens' format and ML-32M's size and shape: Zipf popularity, sessions with
ties, rows in order of user and movie. Seconds are those of the whole command, start-up included.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.csv
from made_up import histories
from timing import ROOT, append_rows, commit, hardware

MOVIES = 87_585
RATING_SHARES = {
    0.5: 1,
    1.0: 3,
    1.5: 2,
    2.0: 7,
    2.5: 5,
    3.0: 20,
    3.5: 13,
    4.0: 26,
    4.5: 9,
    5.0: 14,
}


def write_release(folder: Path, count: int, seed: int = 0) -> Path:
    """Write ratings.csv and movies.csv of about ML-32M's shape; return ratings.csv."""
    made = histories(count, MOVIES, exponent=0.9, longest_gap=10**6, seed=seed)
    lengths, movie, users = made.lengths, made.items, len(made.lengths)
    starts = np.cumsum(lengths) - lengths
    user = np.repeat(np.arange(1, users + 1, dtype=np.int32), lengths)
    since = np.cumsum(made.gaps)
    begin = made.generator.integers(789_652_009, 1_600_000_000, users)
    clock = since - np.repeat(since[starts] - begin, lengths)
    # The same movie gets the same rating from a user: which of two repetitions stays is no matter.
    stars = np.repeat(list(RATING_SHARES), list(RATING_SHARES.values()))
    rating = stars[(user * np.int64(2_654_435_761) + movie * 40_503) % len(stars)]
    order = np.lexsort((movie, user))
    table = {"userId": user, "movieId": movie, "rating": rating, "timestamp": clock}
    folder.mkdir(parents=True)
    columns = pa.table({name: values[order] for name, values in table.items()})
    pa.csv.write_csv(columns, folder / "ratings.csv", pa.csv.WriteOptions(quoting_style="none"))
    ids = np.arange(1, MOVIES + 1)
    movies = pd.DataFrame({"movieId": ids, "title": "A film (1999)", "genres": "Drama|War"})
    movies.to_csv(folder / "movies.csv", index=False)
    return folder / "ratings.csv"


class Peak(threading.Thread):
    """Resident memory of a process and its children, the most that was seen."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.gib, self._process = 0.0, psutil.Process(pid)
        self.start()

    def run(self) -> None:
        """Look five times a second."""
        while True:
            try:
                family = [self._process, *self._process.children(recursive=True)]
                held = sum(member.memory_info().rss for member in family)
            except psutil.NoSuchProcess:
                return
            self.gib = max(self.gib, held / 2**30)
            time.sleep(0.2)


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return seconds and the most memory it held, GiB."""
    environment = {**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "WANDB_MODE": "disabled"}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    peak = Peak(process.pid)
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(output[-3000:])
    return seconds, peak.gib


def with_kedro(raw: Path, data: Path, env: str) -> list[str]:
    """Spell the command of a user."""
    params = f"dataset=ml-32m,raw={raw},data={data},data_processing.tie_policy=hash"
    return [
        sys.executable, "-m", "kedro", "run", "--env", env,
        "--pipelines", "data_processing,recbole_format", "--params", params,
    ]  # fmt: skip


def with_pandas(ratings: Path, out: Path) -> None:
    """Do the same steps in pandas: read, 5-core, ties by hash, held-out mark, both formats."""
    table = pd.read_csv(ratings, dtype={"userId": str, "movieId": str})
    table.columns = ["user_id", "item_id", "rating", "timestamp"]
    table = table.drop_duplicates(["user_id", "item_id", "timestamp"])
    while True:
        per_user = table.groupby("user_id")["item_id"].transform("size")
        per_item = table.groupby("item_id")["user_id"].transform("size")
        enough = (per_user >= 5) & (per_item >= 5)
        if enough.all():
            break
        table = table[enough]
    names = zip(table["user_id"], table["item_id"], table["timestamp"], strict=True)
    table["tie"] = [
        hashlib.md5(f"{user}|{item}|{at}|2026".encode()).hexdigest() for user, item, at in names
    ]
    table = table.sort_values(["user_id", "timestamp", "tie"], ignore_index=True).drop(
        columns="tie"
    )
    by_user = table.groupby("user_id", sort=False)
    table["position"] = by_user.cumcount()
    table["delta"] = by_user["timestamp"].diff().fillna(0).astype("int64")
    from_end = by_user.cumcount(ascending=False)
    table["split"] = np.select([from_end == 0, from_end == 1], ["test", "valid"], "train")
    out.mkdir(parents=True)
    table.to_parquet(out / "interactions.parquet")
    fields = {"user_id": "token", "item_id": "token", "split": "token"}
    named = table.rename(columns={n: f"{n}:{fields.get(n, 'float')}" for n in table.columns})
    named.to_csv(out / "x.inter", sep="\t", index=False)
    for field in ("user_id", "item_id"):
        codes, tokens = pd.factorize(table[field])
        table[field] = (codes + 1).astype("int32")
        pd.DataFrame({field: tokens}).to_parquet(out / f"{field}.parquet")
    table.drop(columns=["rating", "timestamp"]).to_parquet(out / "twin.parquet")


def digest(data: Path) -> str:
    """Hash the atomic file: two engines that agree have written the same one."""
    (file,) = data.glob("05_model_input/*/*/*/*/*.inter")
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()


def measure(
    millions: float, arguments: argparse.Namespace, scratch: Path
) -> list[dict[str, object]]:
    """Time one size on the engines asked for."""
    ratings = write_release(scratch / "raw" / "ml-32m", int(millions * 1e6))
    rows = int(subprocess.check_output(["wc", "-l", ratings]).split()[0]) - 1
    facts = {"ratings": rows, "csv_mib": round(ratings.stat().st_size / 2**20)}
    found, digests = [], set()
    for env in arguments.env:
        seconds, gib = timed(with_kedro(scratch / "raw", scratch / env, env))
        engine = "spark local[*]" if env == "spark" else "duckdb"
        found.append(
            {**facts, "engine": engine, "seconds": round(seconds, 1), "gib": round(gib, 2)}
        )
        digests.add(digest(scratch / env))
        print(found[-1], flush=True)
    if len(digests) > 1:
        sys.exit("the engines do not agree")
    if arguments.pandas:
        own = [sys.executable, __file__, "--pandas-only", str(ratings), str(scratch / "pandas")]
        seconds, gib = timed(own)
        ratio = round(seconds / float(str(found[0]["seconds"])), 2)
        found.append(
            {**facts, "engine": "pandas", "seconds": round(seconds, 1), "gib": round(gib, 2)}
        )
        print(found[-1], f"ratio {ratio}", flush=True)
        with (scratch / "pandas" / "x.inter").open("rb") as handle:
            if hashlib.file_digest(handle, "md5").hexdigest() not in digests:
                print("pandas wrote another file than the engine", flush=True)
    return [{**row, "hardware": hardware("cpu"), "commit": commit()} for row in found]


def main() -> None:
    """Measure every size, print rows as they come and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", nargs="+", type=float, default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--env", nargs="+", default=["base"], choices=["base", "spark"])
    parser.add_argument("--pandas", action="store_true", help="time pandas too")
    parser.add_argument("--pandas-only", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help="where the files go; default: a temporary")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/data.csv")
    arguments = parser.parse_args()
    if arguments.pandas_only:
        with_pandas(*arguments.pandas_only)
        return
    for millions in arguments.millions:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            rows = measure(millions, arguments, Path(folder))
        append_rows(arguments.out, rows)


if __name__ == "__main__":
    main()

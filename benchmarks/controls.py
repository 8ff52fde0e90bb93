"""Controls: the same interactions with another order of ties, or with intervals that mean nothing.

    python controls.py likes.parquet shuffled.parquet --shuffle-intervals 2026
    python controls.py likes.parquet by-item.parquet --ties-by-item
    kedro run --params dataset=shuffled,source.path=shuffled.parquet,…  # ties in file order

With `--shuffle-intervals` items keep their order, and each user's own intervals are dealt anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from seqrec.tables import columns as c


def shuffle_intervals(ratings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Deal each user's intervals anew; the first interaction keeps its time."""
    ordered = ratings.sort_values([c.USER, c.TIMESTAMP], kind="stable", ignore_index=True)
    gap = ordered.groupby(c.USER)[c.TIMESTAMP].diff()
    first = gap.isna()
    gap[first] = ordered[c.TIMESTAMP][first]
    key = np.where(first, -1.0, np.random.default_rng(seed).random(len(ordered)))
    dealt = gap.to_frame("gap").assign(user=ordered[c.USER], key=key).sort_values(["user", "key"])
    times = dealt["gap"].to_numpy(dtype="int64")
    return ordered.assign(**{c.TIMESTAMP: pd.Series(times).groupby(ordered[c.USER]).cumsum()})


def main() -> None:
    """Write a control."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ratings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shuffle-intervals", type=int, metavar="SEED")
    parser.add_argument("--ties-by-item", action="store_true")
    arguments = parser.parse_args()
    ratings = pd.read_parquet(arguments.ratings)
    if arguments.ties_by_item:
        ratings = ratings.sort_values([c.USER, c.TIMESTAMP, c.ITEM])
    if arguments.shuffle_intervals is not None:
        ratings = shuffle_intervals(ratings, arguments.shuffle_intervals)
    ratings.to_parquet(arguments.out, index=False)


if __name__ == "__main__":
    main()

"""Lay out ratings as a dataset's atomic files, where `kedro run --pipeline train_…` finds them.

    python likes.py path/to/ratings.parquet --name ml-1m-likes
    python likes.py path/to/ratings.parquet --name ml-1m-shuffled --shuffle-intervals 2026

The second is the control of time: items keep their order, and each user's intervals between them
are those measured, dealt anew.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from kedro.io.core import Version
from kedro_datasets.pandas import ParquetDataset
from timing import ROOT

from seqrec import columns as c
from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import (
    clean_ratings,
    filter_core,
    mark_held_out,
    order_history,
)
from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files


def shuffle_intervals(interactions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Deal each user's intervals anew among the positions after the first."""
    order = np.random.default_rng(seed).random(len(interactions))
    key = np.where(interactions[c.POSITION] == 0, -1, order)
    dealt = interactions.assign(key=key).sort_values([c.USER, "key"])[c.DELTA].to_numpy()
    return interactions.assign(**{c.DELTA: dealt})


def main() -> None:
    """Run the nodes of data_processing and recbole_format on a table of ratings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--name", default="ml-1m-likes")
    parser.add_argument("--tie-policy", default="file", choices=["file", "hash", "item"])
    parser.add_argument("--shuffle-intervals", type=int, metavar="SEED")
    arguments = parser.parse_args()
    by_item = arguments.tie_policy == "item"  # as a sort by (user, time, item) leaves them
    parameters = DataProcessing(tie_policy="file" if by_item else arguments.tie_policy)
    ratings = pd.read_parquet(arguments.ratings)
    if by_item:
        ratings = ratings.sort_values([c.USER, c.TIMESTAMP, c.ITEM])
    core = filter_core(clean_ratings(ratings, parameters), parameters)
    interactions = mark_held_out(order_history(core, parameters))
    if arguments.shuffle_intervals is not None:
        interactions = shuffle_intervals(interactions, arguments.shuffle_intervals)
    movies = pd.DataFrame({c.ITEM: sorted(set(interactions[c.ITEM]))}).assign(
        **{c.TITLE: "", c.YEAR: pd.NA, c.GENRES: ""}
    )
    name = arguments.name
    folder = ROOT / "data" / "05_model_input" / name / f"{name}-leave-one-out"
    version = Version(None, datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%S.000Z"))
    stats = describe_interactions(interactions)
    primary = ROOT / "data" / "03_primary" / name / "interactions.parquet"
    ParquetDataset(filepath=str(primary), version=version).save(interactions)
    AtomicFilesDataset(filepath=str(folder), version=version).save(
        write_atomic_files(interactions, movies, stats)
    )
    print(stats)


if __name__ == "__main__":
    main()

"""Lay out ratings as a dataset's atomic files, where `kedro run --pipeline train_…` finds them.

python likes.py path/to/ratings.parquet --name ml-1m-likes
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from kedro.io.core import Version
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


def main() -> None:
    """Run the nodes of data_processing and recbole_format on a table of ratings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--name", default="ml-1m-likes")
    parser.add_argument("--tie-policy", default="file")
    arguments = parser.parse_args()
    parameters = DataProcessing(tie_policy=arguments.tie_policy)
    ratings = pd.read_parquet(arguments.ratings)
    core = filter_core(clean_ratings(ratings, parameters), parameters)
    interactions = mark_held_out(order_history(core, parameters))
    movies = pd.DataFrame({c.ITEM: sorted(set(interactions[c.ITEM]))}).assign(
        **{c.TITLE: "", c.YEAR: pd.NA, c.GENRES: ""}
    )
    name = arguments.name
    folder = ROOT / "data" / "05_model_input" / name / f"{name}-leave-one-out"
    version = Version(None, datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%S.000Z"))
    stats = describe_interactions(interactions)
    AtomicFilesDataset(filepath=str(folder), version=version).save(
        write_atomic_files(interactions, movies, stats)
    )
    print(stats)


if __name__ == "__main__":
    main()

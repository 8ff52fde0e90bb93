"""Say how many events share their second, and whether users have such events in one order.

kedro run --pipelines data_processing,recbole_format --params data_processing.tie_policy=file,…
cd benchmarks && python ties.py FOLDER    # of interactions.parquet, below data/05_model_input
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS


def tied_steps(interactions: pd.DataFrame) -> pd.DataFrame:
    """Take each event that shares its second with the one before it, and that one's item."""
    before = interactions.shift()
    tied = (interactions[c.USER] == before[c.USER]) & (interactions[c.DELTA] == 0)
    pairs = pd.DataFrame({"first": before[c.ITEM], "second": interactions[c.ITEM]})[tied]
    return pairs.astype(np.int64)


def agreement(pairs: pd.DataFrame, times: int) -> tuple[int, float]:
    """Count the pairs of items that stand so in `times` histories or more.

    Args:
        pairs: From `tied_steps`.
        times: Fewest histories.

    Returns:
        Pairs, and the share of histories that have them in the commoner order.
    """
    low = pairs.min(axis=1)
    rising = pairs["first"] == low
    counts = rising.groupby([low, pairs.max(axis=1)]).agg(["sum", "count"])
    often = counts[counts["count"] >= times]
    commoner = np.maximum(often["sum"], often["count"] - often["sum"])
    return len(often), float(commoner.sum() / often["count"].sum())


def main() -> None:
    """Print a line on ties, and one for each number of histories."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    interactions = pd.read_parquet(parser.parse_args().folder / INTERACTIONS)
    interactions = interactions.sort_values([c.USER, c.POSITION])
    pairs = tied_steps(interactions)
    print(f"{len(pairs) / len(interactions):.1%} of events share their second with the one before")
    for times in (2, 5, 20):
        number, share = agreement(pairs, times)
        print(f"{number} pairs in {times} histories or more: {share:.1%} in the commoner order")


if __name__ == "__main__":
    main()

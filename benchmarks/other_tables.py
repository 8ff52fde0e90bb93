"""Make other tables of a ratings table: times as RecBole stores them, or a global split in time.

cd benchmarks && python other_tables.py float32 ratings.parquet out.parquet
cd benchmarks && python other_tables.py temporal ratings.parquet out.parquet --share 0.9
kedro run --pipelines data_processing,recbole_format --params dataset=NAME,source.path=out.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from seqrec.tables import columns as c


def as_float32(ratings: pd.DataFrame) -> pd.DataFrame:
    """Round times to float32, as RecBole 1.2.0 does: today's lie 128 s apart, ML-1M's 64 s."""
    rounded = ratings[c.TIMESTAMP].astype(np.float32).astype(np.int64)
    return ratings.assign(**{c.TIMESTAMP: rounded})


def until_first_after(ratings: pd.DataFrame, share: float) -> pd.DataFrame:
    """Keep what happened before a moment, and each user's first event after it.

    `data_processing.split=temporal` is the split in time to use. It validates after a cut, too;
    here the event before the last one validates, for all users, as in leave-one-out: the figures
    of docs/results/ml-1m.md were made so.

    A user's last event is held out. For users with an event after the moment it is that one, and
    everything that is learned from lies before the moment; the other users are to be left out of
    the figures. The moment has `share` of all events before it.

    Args:
        ratings: user_id, item_id, timestamp, in an order that ties follow.
        share: Between 0 and 1.
    """
    moment = np.quantile(ratings[c.TIMESTAMP], share, method="lower")
    later = ratings[ratings[c.TIMESTAMP] > moment]
    first = later.sort_values(c.TIMESTAMP, kind="stable").groupby(c.USER).head(1)
    kept = ratings.index.isin(first.index) | (ratings[c.TIMESTAMP] <= moment)
    return ratings[kept]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["float32", "temporal"])
    parser.add_argument("ratings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.9)
    arguments = parser.parse_args()
    ratings = pd.read_parquet(arguments.ratings)
    if arguments.kind == "float32":
        table = as_float32(ratings)
    else:
        table = until_first_after(ratings, arguments.share)
        last = table.groupby(c.USER)[c.TIMESTAMP].max()
        moment = np.quantile(ratings[c.TIMESTAMP], arguments.share, method="lower")
        print(
            f"moment {moment}: {int((last > moment).sum())} users have their last event after it"
        )
    table.to_parquet(arguments.out, index=False)
    print(f"{len(table)} of {len(ratings)} rows in {arguments.out}")


if __name__ == "__main__":
    main()

"""The interactions are present, complete and counted."""

from __future__ import annotations

from collections.abc import Callable

from seqrec.checks.check import Check
from seqrec.datasets.ratings import RatingsDataset
from seqrec.sources.movielens_formats import Size


def check_dataset(ratings: RatingsDataset, size: Callable[[], Size]) -> Check:
    """Make sure that the dataset is present and checked; download it if needed.

    Args:
        ratings: The catalog's entry.
        size: Counts it; called once it is there.
    """
    ratings.preflight()
    counts = "{:,} ratings, {:,} users, {:,} items".format(*size())
    return Check("dataset", True, f"{ratings.dataset_name} is here and whole: {counts}")

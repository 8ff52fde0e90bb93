"""What networks may ask of an event beside its item and its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import ProjectError
from seqrec.tables import columns as c

Array = NDArray[Any]

SECONDS_OF_A_WEEK = 604_800


def _weeks(seconds: Array) -> Array:
    return (seconds // SECONDS_OF_A_WEEK).astype(np.int16)


def _ratings(ratings: Array) -> Array:
    return ratings.astype(np.float32)


FEATURES: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "rating": (c.RATING, _ratings),
    "week": (c.TIMESTAMP, _weeks),
}
"""Column of the interactions, and how it is kept in memory, by a feature's name:

- rating: as it was given, float32;
- week: weeks since 1970, int16.
"""


def feature_list(name: str) -> str:
    """Name a batch's field that has a feature of each input; shaped as the inputs.

    Examples:
        >>> feature_list("rating")
        'rating_list'
    """
    return f"{name}_list"


def read_features(
    table: Mapping[str, Array], names: Sequence[str], dataset: str
) -> dict[str, Array]:
    """Take features from the columns of the interactions.

    Args:
        table: Columns by name.
        names: Of `FEATURES`.
        dataset: Named in errors.

    Raises:
        ProjectError: The files were written before they had such a column.
    """
    features = {}
    for name in names:
        column, compact = FEATURES[name]
        if column not in table:
            raise ProjectError(
                f"the atomic files of {dataset} have no column {column!r}, of an earlier version: "
                "make them again (kedro run --pipelines recbole_format)"
            )
        features[name] = compact(table[column])
    return features

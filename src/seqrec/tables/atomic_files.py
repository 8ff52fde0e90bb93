"""RecBole's atomic files and their Parquet twin: what is saved, and what is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.tables import columns as c
from seqrec.tables.facts import FINGERPRINT

# A process that serves a model finds the files and does without both.
if TYPE_CHECKING:
    import ibis
    import pandas as pd

STATS = "stats.json"
INTERACTIONS = "interactions.parquet"
"""The twin: RecBole's ids, position, delta and split code of every interaction."""


def ids_file(field: str) -> str:
    """Name the file whose k-th row is the token with RecBole's id k + 1.

    Of items it has their titles, years and genres too.
    """
    return f"{field}.parquet"


@dataclass(frozen=True)
class AtomicTables:
    """What is saved: the interactions, items and users in RecBole's ``name:type`` fields.

    Attributes:
        inter: The interactions.
        item: Items as RecBole reads them; its lists of genres are separated by spaces.
        user: Users; None if nothing is known of them.
        stats: Saved beside the tables.
        titles: Items as they are shown: item_id, title, year, genres (``a|b``), for the twin.
    """

    inter: ibis.Table
    item: pd.DataFrame
    user: pd.DataFrame | None
    stats: dict[str, Any]
    titles: pd.DataFrame | None = None


@dataclass(frozen=True)
class AtomicFiles:
    """What is loaded: where RecBole finds the files.

    Attributes:
        data_path: RecBole's `data_path`.
        dataset: RecBole's `dataset`, a folder in `data_path` and the files' stem.
    """

    data_path: Path
    dataset: str

    @property
    def stats(self) -> dict[str, Any]:
        """The dataset's statistics."""
        text = (self.data_path / self.dataset / STATS).read_text(encoding="utf-8")
        return dict(json.loads(text))

    @property
    def fingerprint(self) -> str | None:
        """What was held out for whom, in short; None where nothing says it."""
        known = (self.data_path / self.dataset / STATS).is_file()
        return self.stats.get(FINGERPRINT) if known else None

    def items(self) -> pd.DataFrame:
        """Read the items in the order of RecBole's ids: item_id, and title, year and genres.

        Twins of an earlier version, and of made-up interactions, have ids alone.
        """
        return self._names(c.ITEM)

    def users(self) -> pd.DataFrame:
        """Read the users in the order of RecBole's ids: user_id."""
        return self._names(c.USER)

    def _names(self, field: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_parquet(self.data_path / self.dataset / ids_file(field))


def write_twin(
    folder: Path, name: str, table: dict[str, Any], n_users: int, n_items: int
) -> AtomicFiles:
    """Write interactions that are numbers already as a Parquet twin, without the text.

    Args:
        folder: Becomes the `data_path`.
        name: Becomes the `dataset`.
        table: Columns of the twin; users and items count from 1.
        n_users: Users there are.
        n_items: Items there are, those that never occur included.
    """
    import pandas as pd

    target = folder / name
    target.mkdir(parents=True)
    pd.DataFrame(table).to_parquet(target / INTERACTIONS)
    for field, number in ((c.USER, n_users), (c.ITEM, n_items)):
        tokens = pd.Series(range(number)).astype("str")
        pd.DataFrame({field: tokens}).to_parquet(target / ids_file(field))
    return AtomicFiles(folder, name)

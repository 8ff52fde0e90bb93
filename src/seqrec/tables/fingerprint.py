"""One short name for what was held out for whom, and from which interactions."""

from __future__ import annotations

import hashlib
import json

import ibis
import pandas as pd
from ibis import _

from seqrec.tables import columns as c
from seqrec.tables.facts import LENGTH

_HELD_OUT = [c.VALID, c.VALID_TIED, c.TEST, c.TEST_TIED]


def data_fingerprint(interactions: ibis.Table | pd.DataFrame) -> str:
    """Return the fingerprint of interactions: equal on every engine, in whatever order of rows.

    It covers every held-out interaction with its user, item, time and split, and of all others
    their number, users, items and the sums of their times, intervals and positions: trainings and
    ranks with one fingerprint can be compared, and a resumed training has seen no test item.

    Args:
        interactions: With `split`, `position` and `delta`.
    """
    table = ibis.memtable(interactions) if isinstance(interactions, pd.DataFrame) else interactions
    wanted = [c.USER, c.ITEM, c.TIMESTAMP, c.SPLIT]
    held_out = table.filter(_[c.SPLIT].isin(_HELD_OUT)).select(*wanted).to_pandas()
    digest = hashlib.sha256(json.dumps(_totals(table), sort_keys=True).encode())
    rows = held_out.astype(str).sort_values(wanted)
    for row in rows.itertuples(index=False):
        digest.update("\t".join(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:LENGTH]


def _totals(table: ibis.Table) -> dict[str, int]:
    """Count and sum up; sums of integers are exact on every engine."""
    sums = {name: _[name].sum().cast("int64") for name in (c.TIMESTAMP, c.DELTA, c.POSITION)}
    splits = {f"n_{name}": (_[c.SPLIT] == name).sum() for name in c.SPLITS}
    ids = {f"n_{name}": _[name].nunique() for name in (c.USER, c.ITEM)}
    row = table.agg(rows=_.count(), **sums, **splits, **ids).to_pandas().iloc[0]
    return {str(name): int(value) for name, value in row.items()}

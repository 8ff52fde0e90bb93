"""Protocols: the rows of a table for one mask and one query time.

A protocol is a pair of a mask (is the history taken out of the candidates?) and a query time (does
the model know when the held-out interaction happens?). Tables of ranks, metrics, means and
differences have a row for each.
"""

from __future__ import annotations

import pandas as pd

from seqrec.parameters.evaluation import Evaluation
from seqrec.tables import columns as c

PROTOCOL = [c.MASK, c.QUERY_TIME]
"""The columns that name a row's protocol."""


def at(table: pd.DataFrame, mask: str, query_time: str) -> pd.DataFrame:
    """Take the rows of one protocol.

    Args:
        table: With the columns of `PROTOCOL`.
        mask: One of `columns.MASKS`.
        query_time: One of `columns.QUERY_TIMES`.
    """
    return table[(table[c.MASK] == mask) & (table[c.QUERY_TIME] == query_time)]


def at_headline(table: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """Take the rows of the protocol that is compared first.

    Args:
        table: With the columns of `PROTOCOL`.
        evaluation: `headline_mask` and `headline_query_time`.
    """
    return at(table, evaluation.headline_mask, evaluation.headline_query_time)

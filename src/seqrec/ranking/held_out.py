"""Ranks of every user's held-out item under each protocol, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.histories.feed import Feed
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import FullSortModel, full_sort_scores, target_ranks
from seqrec.tables import columns as c
from seqrec.terminal.bars import track
from seqrec.training.step import Fields

Tokens = Mapping[str, NDArray[np.str_]]
"""Names of users and items by their ids, by field."""


class QueryLoader(Protocol):
    """Users to score, in batches on the model's device.

    Attributes:
        feed: The interactions.
        split: The split whose items are held out.
    """

    feed: Feed
    split: str

    def __len__(self) -> int:
        """Count the batches."""
        ...

    def at(self, query_time: str) -> QueryLoader:
        """Return the loader with another query time."""
        ...

    def __iter__(self) -> Iterator[Fields]:
        """Yield batches: user, held-out item, tied items, and what the model reads."""
        ...


def rank_held_out(
    model: FullSortModel, loader: QueryLoader, uses_time: bool, tokens: Tokens
) -> pd.DataFrame:
    """Rank every user's held-out item under each mask and query time.

    Args:
        model: In evaluation mode, on the loader's device.
        loader: The held-out items; each process ranks its share.
        uses_time: Whether the query time changes the scores; if not, one ranking serves both.
        tokens: Names of users and items.

    Returns:
        user_id, item_id, mask, query_time, rank, n_candidates; a row per user and protocol.
    """
    asked = c.QUERY_TIMES if uses_time else c.QUERY_TIMES[:1]
    ranked = _rank_at(model, [loader.at(time) for time in asked], tokens)
    times = [ranked[0], ranked[-1]]
    tables = [
        table.assign(**{c.QUERY_TIME: time})
        for time, table in zip(c.QUERY_TIMES, times, strict=True)
    ]
    wanted = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    return pd.concat(tables, ignore_index=True)[wanted]


@torch.inference_mode()
def _rank_at(
    model: FullSortModel, loaders: Sequence[QueryLoader], tokens: Tokens
) -> list[pd.DataFrame]:
    """Rank this process's users, and gather those of the others; a table for each loader.

    A batch of users is asked at every query time before the next.
    """
    feed = loaders[0].feed
    mask = HistoryMask(feed.histories, loaders[0].split, feed.n_users, feed.device)
    parts: list[dict[str, list[Tensor]]] = [{name: [] for name in c.MASKS} for _ in loaders]
    bar = feed.experiment.runtime.shows_bars and feed.processes.writes
    asked = zip(*loaders, strict=True)
    for batches in track(asked, len(loaders[0]), "batches of users", bar):
        for batch, part in zip(batches, parts, strict=True):
            users = batch[c.USER]
            targets = batch[c.ITEM]
            scores = full_sort_scores(model, batch, feed.n_items)
            for name in c.MASKS:
                shown = mask.apply(scores, users, targets) if name == c.MASKED else scores
                columns = (users, targets, *target_ranks(shown, targets))
                part[name].append(torch.stack([x.double() for x in columns], dim=1))
    return [_gathered(part, feed, tokens) for part in parts]


def _gathered(part: Mapping[str, list[Tensor]], feed: Feed, tokens: Tokens) -> pd.DataFrame:
    """Join the batches' rows and all processes', by mask."""
    nobody = torch.zeros(0, 4, dtype=torch.float64, device=feed.device)
    nobody = torch.zeros(0, 4, dtype=torch.float64, device=feed.device)
    tables = [
        _named(feed.processes.gather(torch.cat([nobody, *rows])), tokens).assign(**{c.MASK: name})
        for name, rows in part.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _named(rows: Tensor, tokens: Tokens) -> pd.DataFrame:
    """Name the columns of (user, item, rank, candidates), (U, 4)."""
    users, items, rank, candidates = rows.cpu().unbind(1)
    return pd.DataFrame(
        {
            c.USER: tokens[c.USER][users.long().numpy()],
            c.ITEM: tokens[c.ITEM][items.long().numpy()],
            c.RANK: rank.numpy(),
            c.CANDIDATES: candidates.long().numpy(),
        }
    )

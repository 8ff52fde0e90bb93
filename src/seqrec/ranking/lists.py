"""Lists of the best items for users, from their complete histories."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.histories.feed import Feed
from seqrec.histories.held_out import CompleteLoader
from seqrec.parameters import Recommend
from seqrec.ranking.held_out import QueryLoader, Tokens
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import FullSortModel, full_sort_scores
from seqrec.tables import columns as c
from seqrec.terminal.bars import track

HOUR = 3600


def loaders_by_moment(
    feed: Feed, users: NDArray[np.int32], options: Recommend
) -> dict[str, CompleteLoader]:
    """Make a loader of complete histories for each moment that is asked for.

    Args:
        feed: The interactions.
        users: Ids of the users wanted.
        options: When lists are asked for.
    """
    return {
        moment: CompleteLoader(feed, users, hours * HOUR)
        for moment, hours in options.moments.items()
    }


def list_best_items(
    model: FullSortModel, loaders: Mapping[str, QueryLoader], options: Recommend, tokens: Tokens
) -> pd.DataFrame:
    """List a user's k best items for each moment, without those seen unless they are wanted.

    Args:
        model: In evaluation mode, on the loaders' device.
        loaders: Complete histories, by moment.
        options: How many, and whether items that a user has seen are left out.
        tokens: Names of users and items.

    Returns:
        user_id, moment, place (from 1), item_id, score.
    """
    tables = [
        _lists(model, loader, options, tokens).assign(**{c.MOMENT: moment})
        for moment, loader in loaders.items()
    ]
    wanted = [c.USER, c.MOMENT, c.PLACE, c.ITEM, c.SCORE]
    return pd.concat(tables, ignore_index=True)[wanted]


@torch.inference_mode()
def _lists(
    model: FullSortModel, loader: QueryLoader, options: Recommend, tokens: Tokens
) -> pd.DataFrame:
    """Take the best of each user's scores, a batch of users at a time."""
    feed = loader.feed
    mask = HistoryMask(feed.histories, None, feed.n_users, feed.device)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    bar = feed.experiment.runtime.shows_bars and feed.processes.writes
    for batch in track(loader, len(loader), "batches of users", bar):
        users = batch[c.USER]
        scores = full_sort_scores(model, batch, feed.n_items)
        if options.exclude_seen:
            scores = mask.apply(scores, users, batch[c.ITEM])
        best = scores.topk(min(options.k, feed.n_items - 1))
        parts.append((users.cpu(), best.indices.cpu(), best.values.cpu()))
    users, items, values = (torch.cat(column) for column in zip(*parts, strict=True))
    width = items.shape[1]
    table = pd.DataFrame(
        {
            c.USER: tokens[c.USER][users.repeat_interleave(width).numpy()],
            c.PLACE: np.tile(np.arange(1, width + 1), len(users)),
            c.ITEM: tokens[c.ITEM][items.flatten().numpy()],
            c.SCORE: values.flatten().numpy(),
        }
    )
    # A user who has seen nearly all items gets a shorter list.
    nothing_left = np.flatnonzero(~np.isfinite(table[c.SCORE].to_numpy()))
    return table.drop(index=nothing_left.tolist())

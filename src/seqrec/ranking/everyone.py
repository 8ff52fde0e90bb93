"""Every user's best items: scores exist a tile at a time, lists a file at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.histories.held_out import CompleteLoader
from seqrec.ranking.held_out import Tokens
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import RangeModel, ScoreRange
from seqrec.tables import columns as c

TILE = 2**15
"""Items scored at once."""

Seen = tuple[Tensor, Tensor]
"""Rows of a batch and items that are not to be listed for them, (S,) each."""


@dataclass(frozen=True)
class Lists:
    """Lists of some users.

    Attributes:
        users: Ids,                                                           (U,).
        items: Ids, the best first,                                           (U, k).
        scores: −inf where a user has seen so much that the list is shorter,  (U, k).
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    scores: NDArray[np.float32]


def as_table(lists: Lists, moment: str, tokens: Tokens) -> pa.Table:
    """Lay lists out as rows; a user who has seen nearly all items has fewer.

    Args:
        lists: Of some users.
        moment: When they were asked for.
        tokens: Names of users and items.

    Returns:
        user_id, moment, place (from 1), item_id, score.
    """
    count, width = lists.items.shape
    columns = {
        c.USER: _named(np.repeat(lists.users, width), tokens[c.USER]),
        c.MOMENT: pa.repeat(pa.scalar(moment), count * width),
        c.PLACE: pa.array(np.tile(np.arange(1, width + 1), count)),
        c.ITEM: _named(lists.items.ravel(), tokens[c.ITEM]),
        c.SCORE: pa.array(lists.scores.ravel()),
    }
    table = pa.table(columns)
    listed = np.isfinite(lists.scores.ravel())
    return table if listed.all() else table.filter(pa.array(listed))


def _named(ids: NDArray[np.int32], tokens: NDArray[np.str_]) -> pa.Array:
    """Turn ids into names; each name that occurs is made once."""
    used, places = np.unique(ids, return_inverse=True)
    names = pa.array(tokens[used].tolist(), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), names).cast(
        pa.string()
    )


@torch.inference_mode()
def list_in_parts(
    model: RangeModel, loader: CompleteLoader, mask: HistoryMask | None, k: int, users: int
) -> Iterator[Lists]:
    """Yield the k best items of every user of a loader, some users at a time.

    Results stay on the device until a part is full: a GPU is waited for once a part.

    Args:
        model: In evaluation mode, on the loader's device.
        loader: Complete histories.
        mask: What users have seen and are not told again; None lists everything.
        k: Items in a list; fewer if there are fewer items.
        users: Users in a part, rounded up to whole batches.

    Raises:
        ProjectError: A score is NaN or infinite.
    """
    n_items = loader.feed.n_items
    held: list[tuple[NDArray[np.int32], Tensor, Tensor]] = []
    for asked, batch in loader.with_users():
        seen = None if mask is None else mask.seen(batch[c.USER], mask.count(asked))
        best = best_items(model.score_in_ranges(batch), len(asked), n_items, k, seen)
        held.append((asked, *best))
        if sum(len(part[0]) for part in held) >= users:
            yield _on_host(held)
            held = []
    if held:
        yield _on_host(held)


def best_items(
    score: ScoreRange, rows: int, n_items: int, k: int, seen: Seen | None, tile: int = TILE
) -> tuple[Tensor, Tensor]:
    """Find the k best items of each row without the (rows, n_items) matrix.

    A tile's best are merged with the best so far. NaN ranks first in every list, so that none is
    overlooked.

    Args:
        score: Of a batch.
        rows: B.
        n_items: Items, padding included; padding is never listed.
        k: Items in a list.
        seen: What is left out.
        tile: Items scored at once.

    Returns:
        items:  Best first,                 int32, (B, k).
        scores: −inf beyond the last item,  float32, (B, k).
    """
    k = min(k, n_items - 1)
    best: tuple[Tensor, Tensor] | None = None
    for start in range(1, n_items, tile):
        stop = min(start + tile, n_items)
        scores = score(slice(start, stop))
        if seen is not None:
            scores = _without(scores, seen, start)
        found = scores.topk(min(k, stop - start))
        items = (found.indices + start).int()
        best = (items, found.values) if best is None else _merge(best, (items, found.values), k)
    assert best is not None  # noqa: S101 - there is an item
    return best


def _without(scores: Tensor, seen: Seen, start: int) -> Tensor:
    """Put −inf where a row has seen an item of the tile; what lies elsewhere hits a spare column.

    Choosing the entries that lie in the tile instead would have to wait for the device.
    """
    row, item = seen
    width = scores.shape[1]
    column = item - start
    inside = (column >= 0) & (column < width)
    wide = torch.nn.functional.pad(scores, (0, 1))
    wide[row, torch.where(inside, column, width)] = -torch.inf
    return wide[:, :width]


def _merge(
    best: tuple[Tensor, Tensor], more: tuple[Tensor, Tensor], k: int
) -> tuple[Tensor, Tensor]:
    """Take the k best of two lists."""
    items = torch.cat([best[0], more[0]], dim=1)
    scores = torch.cat([best[1], more[1]], dim=1)
    found = scores.topk(min(k, scores.shape[1]))
    return items.gather(1, found.indices), found.values


def _on_host(held: list[tuple[NDArray[np.int32], Tensor, Tensor]]) -> Lists:
    """Fetch a part's lists.

    Raises:
        ProjectError: A score is NaN or infinite.
    """
    users, items, scores = zip(*held, strict=True)
    lists = Lists(
        np.concatenate(users), torch.cat(items).cpu().numpy(), torch.cat(scores).cpu().numpy()
    )
    if not (lists.scores < np.inf).all():  # nor is NaN
        raise ProjectError("the model gives scores that are NaN or infinite: train it again")
    return lists

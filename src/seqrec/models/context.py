"""What surrounds an event: the time before it, its place in its second, its rating, its week."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqrec.models.feed_forward import gated
from seqrec.models.small_embedding import SmallEmbedding
from seqrec.ops.packing import Packing
from seqrec.parameters.models import SS4RecPlusModel

UNKNOWN_TIME = -1.0
"""Interval until a query of which nobody says when it is asked."""

BUCKETS = 64
"""Half octaves of seconds: the last one begins after 96 years."""
FIRST = BUCKETS
"""Bucket of an event that has none before it."""
UNKNOWN = BUCKETS + 1
"""Bucket of `UNKNOWN_TIME`."""
PLACES = 32
"""Largest place within a second that is told from those before it."""
LEVELS = 20
"""Ratings in half steps, up to 10."""
WEEKS = 4096
"""Weeks since 1970, until 2048."""


def interval_buckets(seconds: Tensor) -> Tensor:
    """Put intervals into half octaves: ⌊2 log₂(1 + Δ)⌋, at most 63; `UNKNOWN` below 0.

    Borders are compared, not logarithms taken: devices round those differently.

    Args:
        seconds: Δ, any shape.

    Returns:
        Buckets, int64, shaped as `seconds`.
    """
    octaves = torch.arange(1, BUCKETS, dtype=torch.float64, device=seconds.device) / 2
    borders = torch.exp2(octaves) - 1
    # Every other border is a whole number, which a device's exp2 may miss by a rounding.
    buckets = torch.bucketize(seconds.double() + 1e-6, borders, right=True)
    return torch.where(seconds < 0, UNKNOWN, buckets)


def rating_levels(ratings: Tensor) -> Tensor:
    """Count ratings in half steps from 1, at most `LEVELS`; 0 where there is none.

    Args:
        ratings: Any shape; NaN where there is none.

    Returns:
        Levels, int64.
    """
    return (2 * ratings).round().nan_to_num(0.0).clamp(0, LEVELS).long()


def is_first(intervals: Tensor, packing: Packing | None) -> Tensor:
    """Tell which events begin a history.

    Args:
        intervals: Of the batch, (B, L), or (T,) packed.
        packing: Layout of packed histories.

    Returns:
        bool, shaped as `intervals`.
    """
    if packing is None:
        place = torch.arange(intervals.shape[-1], device=intervals.device)
        return (place == 0).expand_as(intervals)
    begins = intervals.new_zeros(len(intervals) + 1, dtype=torch.bool)
    return begins.index_fill(0, packing.cu_seqlens, True)[:-1]


def intervals_before(intervals: Tensor, first: Tensor) -> Tensor:
    """Turn the seconds until the next event into those since the previous one; 0 at the first."""
    return torch.where(first, 0.0, intervals.roll(1, -1))


def places_in_second(before: Tensor, first: Tensor, continued: Tensor | None = None) -> Tensor:
    """Count the events of the same second that precede each.

    Args:
        before: Seconds since the previous event,                    (..., L).
        first: Which events begin a history,                         (..., L).
        continued: Place of the event before the first column,       (..., 1); None if none is.

    Returns:
        Places from 0, int64, (..., L).
    """
    step = torch.arange(before.shape[-1], device=before.device).expand(before.shape)
    begins = first | (before != 0)
    # Where each second begins, looked up by its number. (A running maximum of the steps would say
    # it too, but runs in a single block of a GPU when histories are packed.)
    second = begins.cumsum(-1)
    places = step.new_zeros(*step.shape[:-1], step.shape[-1] + 2)
    earlier = -1 - (continued if continued is not None else torch.zeros_like(step[..., :1]))
    places[..., :1] = earlier
    spare = torch.full_like(step, places.shape[-1] - 1)
    places.scatter_(-1, torch.where(begins, second, spare), step)
    return step - places.gather(-1, second)


class EventEmbedding(nn.Module):
    """Item embedding, and what is known of the event beside its item.

    Args:
        model: Sizes, and what is known.
        n_items: Rows of the item embedding, padding included.
    """

    def __init__(self, model: SS4RecPlusModel, n_items: int) -> None:
        super().__init__()
        size = model.hidden_size
        self.item = nn.Embedding(n_items, size, padding_idx=0)
        self.interval = SmallEmbedding(BUCKETS + 2, size) if model.event_context else None
        self.place = SmallEmbedding(PLACES + 1, size) if model.event_context else None
        self.rating = SmallEmbedding(LEVELS + 1, size) if model.ratings else None
        self.week = nn.Embedding(WEEKS, size) if model.calendar else None
        for table in self.children():
            nn.init.normal_(table.weight, std=0.02)  # type: ignore[arg-type]
        nn.init.zeros_(self.item.weight[0])

    def forward(
        self,
        items: Tensor,
        before: Tensor,
        first: Tensor,
        places: Tensor,
        rating: Tensor,
        week: Tensor,
    ) -> Tensor:
        """Add up what is known.

        Args:
            items:  Item ids,                                    (...).
            before: Seconds since the previous event,            (...).
            first:  Which events begin a history,                (...).
            places: From `places_in_second`,                     (...).
            rating: The rating given, NaN for none,              (...).
            week:   Weeks since 1970,                            (...).

        Returns:
            Embeddings, (..., D).
        """
        # The gradient of an embedding sorts the ids by radix: in 32 bits with half the passes.
        embedded: Tensor = self.item(items.int())
        if self.interval is not None and self.place is not None:
            buckets = torch.where(first, FIRST, interval_buckets(before))
            embedded = embedded + self.interval(buckets.int())
            embedded = embedded + self.place(places.clamp(max=PLACES).int())
        if self.rating is not None:
            embedded = embedded + self.rating(rating_levels(rating).int())
        if self.week is not None:
            embedded = embedded + self.week(week.clamp(0, WEEKS - 1).int())
        return embedded


class QueryPath(nn.Module):
    """h + W₂(a ⊙ silu(g)), (a, g) = W₁[h; e(Δ)]: the query's time on its way to the scores.

    Args:
        model: Sizes, and how often the query's time is hidden while learning.
    """

    def __init__(self, model: SS4RecPlusModel) -> None:
        super().__init__()
        size = model.hidden_size
        self.hide_query_time = model.hide_query_time
        self.interval = SmallEmbedding(BUCKETS + 2, size)
        self.into = nn.Linear(2 * size, 4 * size)
        self.out = nn.Linear(2 * size, size)
        nn.init.normal_(self.interval.weight, std=0.02)

    def forward(self, hidden: Tensor, until: Tensor) -> Tensor:
        """Tell hidden states when they are asked.

        Args:
            hidden: After each event,                                          (..., D).
            until:  Seconds to the query, `UNKNOWN_TIME` if nobody knows,      (...).

        Returns:
            What is compared with the items, (..., D).
        """
        buckets = interval_buckets(until)
        if self.training and self.hide_query_time:
            hidden_from = torch.rand_like(until) < self.hide_query_time
            buckets = torch.where(hidden_from, UNKNOWN, buckets)
        told = torch.cat([hidden, self.interval(buckets.int()).to(hidden.dtype)], -1)
        added: Tensor = self.out(gated(told, self.into))
        return hidden + added

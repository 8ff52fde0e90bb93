"""SS4Rec+: recurrences driven by the past, context of events, the query's time in the head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.models import context
from seqrec.models.block import BlockState, SS4RecBlock
from seqrec.models.feed_forward import GatedFeedForward
from seqrec.models.ss4rec import init_linear_as_authors
from seqrec.ops.backend import Backend
from seqrec.ops.discretize import scale_time
from seqrec.ops.packing import Packing
from seqrec.parameters.models import SS4RecPlusModel


@dataclass(frozen=True)
class StreamState:
    """What is kept of histories to continue them.

    Attributes:
        blocks: State of each block.
        places: Place of the last event in its second, (B, 1).
    """

    blocks: list[BlockState]
    places: Tensor


class SS4RecPlusEncoder(nn.Module):
    """Event embedding, SS4Rec's blocks each with a feed-forward layer, query path.

    SS4Rec's S5 holds an event's input until the next event: its state needs the query's time, and
    an event tied with the next never enters. Here the state decays by the interval *before* an
    event and every event enters; the time of the query is told to the head alone, so that it may
    be unknown, and one more event costs one step whenever the next question comes.

    The model is causal: position k sees events up to k and the time until event k + 1.

    Args:
        model: Sizes and options.
        n_items: Rows of the embedding, padding included.
        backend: Which implementation runs the recurrences.

    Paper: SS4Rec (arXiv 2502.08132) is what it starts from; docs/concepts/ss4rec-plus.md has
    the rest.
    """

    def __init__(self, model: SS4RecPlusModel, n_items: int, backend: Backend) -> None:
        super().__init__()
        self.model = model
        self.events = context.EventEmbedding(model, n_items)
        self.input_dropout = nn.Dropout(model.input_dropout)
        self.blocks = nn.ModuleList(SS4RecBlock(model, backend) for _ in range(model.n_layers))
        self.feed_forward = nn.ModuleList(
            GatedFeedForward(model.hidden_size, model.feed_forward, model.dropout, backend)
            for _ in range(model.n_layers if model.feed_forward else 0)
        )
        self.query = context.QueryPath(model) if model.query_path else None
        if model.initialization == "authors":
            self.apply(init_linear_as_authors)

    @property
    def item_embedding(self) -> nn.Embedding:
        """Of every item, padding first."""
        return self.events.item

    def forward(
        self,
        items: Tensor,
        intervals: Tensor,
        packing: Packing | None = None,
        *,
        rating: Tensor,
        week: Tensor,
    ) -> Tensor:
        """Encode histories.

        Args:
            items:     Item ids, 0 is padding on the right,                   (B, L).
            intervals: Seconds from each event to the next, or to the query;
                `UNKNOWN_TIME` if nobody knows,                               (B, L).
            packing:   Layout of packed histories, (T,) each; None for a dense batch.
            rating:    The rating given to each item, NaN for none,           (B, L).
            week:      Weeks since 1970 of each event,                        (B, L).

        Returns:
            What is compared with `item_vectors`, (B, L, D) or (T, D).
        """
        first = context.is_first(intervals, packing)
        before = context.intervals_before(intervals, first)
        places = context.places_in_second(before, first)
        embedded = self.events(items, before, first, places, rating, week)
        hidden, _ = self._mix(embedded, before, intervals, [None] * len(self.blocks), packing)
        return self.ask(hidden, intervals)

    def extend(
        self,
        items: Tensor,
        before: Tensor,
        until: Tensor,
        state: StreamState | None = None,
        *,
        rating: Tensor,
        week: Tensor,
    ) -> tuple[Tensor, StreamState]:
        """Encode events that continue histories: one more event costs one step.

        Args:
            items:  Item ids without padding,                                (B, L).
            before: Seconds since the previous event; of the first event of a history it
                does not matter,                                             (B, L).
            until:  Seconds from each event to its query, `UNKNOWN_TIME` if nobody knows; it does
                not enter the state,                                         (B, L).
            state:  What an earlier call returned; None to begin.
            rating: The rating given to each item, NaN for none,             (B, L).
            week:   Weeks since 1970 of each event,                          (B, L).

        Returns:
            What is compared with `item_vectors`, (B, L, D), and the state to continue from.

        Raises:
            ValueError: `drive_by` is ``next``: such a state cannot be had before the next event.
        """
        hidden, after = self.read(items, before, state, rating=rating, week=week)
        return self.ask(hidden, until), after

    def read(
        self,
        items: Tensor,
        before: Tensor,
        state: StreamState | None = None,
        *,
        rating: Tensor,
        week: Tensor,
        first: Tensor | None = None,
    ) -> tuple[Tensor, StreamState]:
        """Do the part of `extend` that comes before a query is asked.

        Takes and raises what `extend` does; `first` tells which events begin a history, (B, L),
        where a batch's states are of nothing or of something.

        Returns:
            What `ask` may be asked with, at any time, (B, L, D), and the state to continue from.
        """
        if self.model.drive_by == "next":
            raise ValueError("a history is continued with drive_by=previous only")
        if first is None:
            first = context.is_first(before, None) if state is None else before.new_zeros(()) > 0
            first = first.expand_as(before)
        before = torch.where(first, 0.0, before)
        places = context.places_in_second(before, first, state.places if state else None)
        embedded = self.events(items, before, first, places, rating, week)
        begun: list[BlockState | None] = [*state.blocks] if state else [None] * len(self.blocks)
        hidden, after = self._mix(embedded, before, before, begun, None)
        return hidden, StreamState(after, places[:, -1:])

    def item_vectors(self) -> Tensor:
        """Return what hidden states are compared with, (n_items, D)."""
        if self.model.scores == "cosine":
            return F.normalize(self.item_embedding.weight, dim=-1, eps=1e-6)
        return self.item_embedding.weight

    def _mix(
        self,
        embedded: Tensor,
        before: Tensor,
        until: Tensor,
        states: list[BlockState | None],
        packing: Packing | None,
    ) -> tuple[Tensor, list[BlockState]]:
        """Run the blocks, (..., D)."""
        hidden = self.input_dropout(embedded)
        drive = before if self.model.drive_by == "previous" else until.clamp(min=0)
        scaled = scale_time(drive, self.model.time_scale)
        after = []
        for depth, (block, state) in enumerate(zip(self.blocks, states, strict=True)):
            hidden, last = block(hidden, scaled, state, packing)
            if self.model.feed_forward:
                hidden = self.feed_forward[depth](hidden)
            after.append(last)
        return hidden, after

    def ask(self, hidden: Tensor, until: Tensor) -> Tensor:
        """Tell the time of the query, and scale what cosines are taken of.

        Args:
            hidden: After each event,                                              (..., D).
            until:  Seconds to the query, `UNKNOWN_TIME` if nobody knows,          (...).

        Returns:
            What is compared with `item_vectors`, (..., D).
        """
        asked = hidden if self.query is None else self.query(hidden, until)
        if self.model.scores == "cosine":
            return F.normalize(asked.float(), dim=-1, eps=1e-6) / self.model.temperature
        return asked

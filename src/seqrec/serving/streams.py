"""States that grow with each event: one more event costs one step, whatever the history's length.

A state is a tuple of tensors, the batch first, so that those of many users can be put side by
side. It is what the network keeps of a history, and never the only copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from seqrec.models.block import BlockState
from seqrec.models.mamba import MambaState
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.models.ss4rec_plus import SS4RecPlusEncoder, StreamState
from seqrec.serving.events import History
from seqrec.serving.scorers import HistoryScorer

State = tuple[Tensor, ...]


class Stream(Protocol):
    """How a network's states begin, grow and are asked."""

    def begin(self, history: History) -> State:
        """Read the last `max_length` events of a history that is not empty; a batch of one."""
        ...

    def grow(self, state: State, events: History, gaps: Tensor) -> State:
        """Read one more event of each history.

        Args:
            state:  Of B histories.
            events: Their next events,                             (B,).
            gaps:   Seconds since each one's previous event,       (B,).
        """
        ...

    def ask(self, state: State, until: Tensor) -> Tensor:
        """Return what is compared with the items, (B, D).

        Args:
            state: Of B histories.
            until: Seconds from each one's last event to the query, or what stands for it, (B,).
        """
        ...


class HoldingStream:
    """SS4Rec's: an event enters the state when it is known how long it was held.

    The state is that before the last event, and the last event's item.

    Args:
        scorer: With an `SS4RecEncoder`.
    """

    def __init__(self, scorer: HistoryScorer) -> None:
        assert isinstance(scorer.network, SS4RecEncoder)  # noqa: S101 - for the type checker
        self._network = scorer.network
        self._max_length = scorer.max_length
        _, state = self._network.extend(torch.ones(1, 1, dtype=torch.long), torch.ones(1, 1))
        self._shape = Blocks(state)

    @torch.inference_mode()
    def begin(self, history: History) -> State:
        """Read a history, its last event excepted."""
        window = history[-self._max_length :]
        items = torch.from_numpy(window.items)[None]
        state = None
        if len(window) > 1:
            gaps = torch.from_numpy(np.diff(window.times).astype(np.float32))[None]
            _, state = self._network.extend(items[:, :-1], gaps)
        return *self._shape.flat(state), items[:, -1:].clone()

    @torch.inference_mode()
    def grow(self, state: State, events: History, gaps: Tensor) -> State:
        """Let the held event enter, and hold the new one."""
        _, after = self._network.extend(state[-1], gaps[:, None], self._shape.nested(state))
        return *self._shape.flat(after), torch.from_numpy(events.items)[:, None]

    @torch.inference_mode()
    def ask(self, state: State, until: Tensor) -> Tensor:
        """Let the held event enter a copy that is thrown away."""
        hidden, _ = self._network.extend(state[-1], until[:, None], self._shape.nested(state))
        return hidden[:, -1]


class ReadingStream:
    """SS4Rec+'s: every event enters at once, and the query's time meets the output.

    The state is that after the last event, the event's place in its second, and its output.

    Args:
        scorer: With an `SS4RecPlusEncoder`.
    """

    def __init__(self, scorer: HistoryScorer) -> None:
        assert isinstance(scorer.network, SS4RecPlusEncoder)  # noqa: S101 - for the type checker
        self._scorer = scorer
        self._network = scorer.network
        one = History.of([1], [0], [1.0])
        _, state = self._network.read(
            torch.from_numpy(one.items)[None], torch.zeros(1, 1), None, **self._features(one, 0)
        )
        self._shape = Blocks(state.blocks)

    @torch.inference_mode()
    def begin(self, history: History) -> State:
        """Read a history."""
        window = history[-self._scorer.max_length :]
        gaps = torch.from_numpy(np.diff(window.times, prepend=window.times[0])).float()[None]
        items = torch.from_numpy(window.items)[None]
        return self._flat(self._network.read(items, gaps, None, **self._features(window, 0)))

    @torch.inference_mode()
    def grow(self, state: State, events: History, gaps: Tensor) -> State:
        """Let the new event enter."""
        before = StreamState(self._shape.nested(state), state[-2])
        items = torch.from_numpy(events.items)[:, None]
        features = self._features(events, 1)
        return self._flat(self._network.read(items, gaps[:, None], before, **features))

    @torch.inference_mode()
    def ask(self, state: State, until: Tensor) -> Tensor:
        """Tell the output when it is asked."""
        return self._network.ask(state[-1], until)

    def _features(self, history: History, axis: int) -> dict[str, Tensor]:
        return {name: x.unsqueeze(axis) for name, x in self._scorer.features(history).items()}

    def _flat(self, read: tuple[Tensor, StreamState]) -> State:
        hidden, state = read
        return *self._shape.flat(state.blocks), state.places, hidden[:, -1]


class Blocks:
    """Turns the states of blocks into a row of tensors and back.

    Args:
        example: Of a batch of one.
    """

    def __init__(self, example: Sequence[BlockState]) -> None:
        self._has = [(block[0] is not None, block[1] is not None) for block in example]
        self._zero = [torch.zeros_like(x) for block in example for x in _tensors(block)]

    def flat(self, state: Sequence[BlockState] | None) -> list[Tensor]:
        """Lay states out; None is what there is before the first event."""
        if state is None:
            return [x.clone() for x in self._zero]
        return [x.contiguous() for block in state for x in _tensors(block)]

    def nested(self, state: State) -> list[BlockState]:
        """Hand each block its own; what follows theirs is left over."""
        rest = iter(state)
        return [
            (next(rest) if has_time else None, _mamba(next(rest), next(rest)) if rel else None)
            for has_time, rel in self._has
        ]


def _tensors(block: BlockState) -> list[Tensor]:
    time, relation = block
    return [x for x in (time, *(relation or ())) if x is not None]


def _mamba(conv: Tensor, scan: Tensor) -> MambaState:
    return conv, scan


def make_stream(scorer: object) -> Stream | None:
    """Return how a model's states grow; None if it reads histories anew each time."""
    if not isinstance(scorer, HistoryScorer):
        return None
    if isinstance(scorer.network, SS4RecEncoder):
        return HoldingStream(scorer)
    if isinstance(scorer.network, SS4RecPlusEncoder):
        grows = scorer.network.model.drive_by == "previous"
        return ReadingStream(scorer) if grows else None
    return None

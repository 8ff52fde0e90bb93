"""Trained networks as programs of `torch.export`: scores of histories, and one step of a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from seqrec.export.layers import make_exportable
from seqrec.model_registry import ModelSpec
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.models.ss4rec_plus import SS4RecPlusEncoder, StreamState
from seqrec.serving.scorers import HistoryScorer, PairScorer, make_scorer
from seqrec.serving.streams import Blocks

SCORE, STEP = "score", "step"
WHAT = {
    SCORE: "the score of every item, after a history or for a user",
    STEP: "one more event: scores after it, and the state to go on from",
}
LARGEST_BATCH = 2**16

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Sketch:
    """A program before it is exported.

    Attributes:
        module: What computes it.
        example: Inputs by name, a batch of 3.
        outputs: Names of what it returns.
    """

    module: nn.Module
    example: Tensors
    outputs: tuple[str, ...]


def sketch_programs(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> dict[str, Sketch]:
    """Lay out what can be exported of a trained model.

    Args:
        config: Of the model's artifact.
        weights: Of the model's artifact.

    Returns:
        `SCORE`, and `STEP` if the model keeps a state that grows with each event.

    Raises:
        ProjectError: The weights are not those of the network.
    """
    scorer = make_scorer(config, weights)
    if isinstance(scorer, PairScorer):
        users = torch.tensor([1, 1, 1])
        pairs = _PairProgram(scorer.network)
        return {SCORE: Sketch(pairs, {"users": users}, ("scores",))}
    assert isinstance(scorer, HistoryScorer)  # noqa: S101 - there is no third kind
    make_exportable(scorer.network)
    sketches = {SCORE: _sketch_score(scorer)}
    if isinstance(scorer.network, SS4RecEncoder):
        sketches[STEP] = _sketch_holding_step(scorer)
    elif isinstance(scorer.network, SS4RecPlusEncoder) and _reads_at_once(scorer.network):
        sketches[STEP] = _sketch_reading_step(scorer)
    return sketches


def _reads_at_once(network: SS4RecPlusEncoder) -> bool:
    return network.model.drive_by == "previous"


def export_program(sketch: Sketch, longest: int) -> ExportedProgram:
    """Export a program for batches of any size and histories of any length.

    Args:
        sketch: What is exported.
        longest: Most events of a history.
    """
    batch = Dim("batch", min=1, max=LARGEST_BATCH)
    length = Dim("length", min=1, max=max(longest, 2))
    shapes = tuple(
        {0: batch, 1: length} if _has_length(name, x) else {0: batch}
        for name, x in sketch.example.items()
    )
    inputs = tuple(sketch.example.values())
    with torch.no_grad():
        return torch.export.export(
            _Positional(sketch).eval(), inputs, dynamic_shapes=(shapes,), strict=False
        )


def describe_program(name: str, sketch: Sketch) -> dict[str, Any]:
    """Say what a program takes and returns, as plain JSON values.

    Args:
        name: `SCORE` or `STEP`.
        sketch: What it was exported from.
    """
    takes = {
        kind: {"type": str(x.dtype).removeprefix("torch."), "shape": _shape(kind, x)}
        for kind, x in sketch.example.items()
    }
    state = [output for output in sketch.outputs if output != "scores"]
    more = f" and the next state ({', '.join(state)})" if state else ""
    return {"what": WHAT[name], "takes": takes, "returns": f"scores (batch, n_items){more}"}


def _shape(name: str, example: Tensor) -> str:
    rest = ["length"] if _has_length(name, example) else [str(n) for n in example.shape[1:]]
    return f"({', '.join(['batch', *rest])})"


def _has_length(name: str, example: Tensor) -> bool:
    return example.dim() == 2 and not name.startswith("state")


class _Positional(nn.Module):
    """Takes inputs in the order of a sketch: a program has no names that depend on the model."""

    def __init__(self, sketch: Sketch) -> None:
        super().__init__()
        self.program = sketch.module
        self._names = tuple(sketch.example)

    def forward(self, *inputs: Tensor) -> Any:
        """Call the program."""
        return self.program(**dict(zip(self._names, inputs, strict=True)))


class _PairProgram(nn.Module):
    """Scores of users that the model was trained on."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, users: Tensor) -> Tensor:
        """Score every item for users' rows, (B,) → (B, n_items)."""
        return _without_padding(self.network.score(users))


class _ScoreProgram(nn.Module):
    """Scores after histories."""

    vectors: Tensor

    def __init__(self, scorer: HistoryScorer) -> None:
        super().__init__()
        self.network = scorer.network
        self.register_buffer("vectors", scorer.item_vectors.clone())
        self._reads_time = scorer.spec.uses_time

    def forward(self, items: Tensor, lengths: Tensor, **others: Tensor) -> Tensor:
        """Score every item after the last event of each row.

        Args:
            items:   Rows of items, 0 is padding on the right,     (B, L).
            lengths: Events of each row, at least 1,               (B,).
            others:  ``intervals``, seconds from each event to the next and from the last to the
                query, and the model's features, each              (B, L).
        """
        intervals = others.pop("intervals") if self._reads_time else items
        hidden = self.network(items, intervals, **others)
        row = torch.arange(items.shape[0], device=items.device)
        return _compared(hidden[row, lengths - 1], self.vectors)


def _sketch_score(scorer: HistoryScorer) -> Sketch:
    items = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0]])
    others = {"intervals": torch.full((3, 4), 60.0)} if scorer.spec.uses_time else {}
    features = _features(scorer.spec, (3, 4))
    example = {"items": items, "lengths": torch.tensor([4, 3, 1]), **others, **features}
    return Sketch(_ScoreProgram(scorer), example, ("scores",))


def _features(spec: ModelSpec, shape: tuple[int, ...]) -> Tensors:
    examples = {"rating": torch.full(shape, 4.0), "week": torch.full(shape, 1500)}
    return {name: examples[name] for name in spec.features}


class _HoldingStep(nn.Module):
    """One event of SS4Rec: it is held until the next one, or until the query."""

    vectors: Tensor

    def __init__(self, scorer: HistoryScorer, blocks: Blocks) -> None:
        super().__init__()
        self.network = scorer.network
        self.register_buffer("vectors", scorer.item_vectors.clone())
        self._blocks = blocks

    def forward(self, items: Tensor, intervals: Tensor, **state: Tensor) -> tuple[Tensor, ...]:
        """Let an event enter, and score every item at the end of its interval.

        Args:
            items:     Row of each event's item,                                   (B,).
            intervals: Seconds it is held: until the next event or the query,      (B,).
            state:     Before the event; zeros before the first.
        """
        before = self._blocks.nested(tuple(state.values()))
        hidden, after = self.network.extend(items[:, None], intervals[:, None], before)
        return _compared(hidden[:, 0], self.vectors), *self._blocks.flat(after)


class _ReadingStep(nn.Module):
    """One event of SS4Rec+: it enters at once, and the query's time meets the output."""

    vectors: Tensor

    def __init__(self, scorer: HistoryScorer, blocks: Blocks) -> None:
        super().__init__()
        self.network = scorer.network
        self.register_buffer("vectors", scorer.item_vectors.clone())
        self._blocks = blocks

    def forward(
        self, items: Tensor, first: Tensor, before: Tensor, until: Tensor, **others: Tensor
    ) -> tuple[Tensor, ...]:
        """Let an event enter, and score every item at the query.

        Args:
            items:  Row of each event's item,                                       (B,).
            first:  Whether it is the first of its history,                         (B,).
            before: Seconds since the previous event,                               (B,).
            until:  Seconds to the query, −1 if nobody knows,                       (B,).
            others: The event's features, (B,), and the state before it; zeros before the first.
        """
        features = {name: others.pop(name)[:, None] for name in ("rating", "week")}
        *blocks, places = others.values()
        begun = StreamState(self._blocks.nested(tuple(blocks)), places)
        hidden, after = self.network.read(
            items[:, None], before[:, None], begun, first=first[:, None], **features
        )
        asked = self.network.ask(hidden[:, 0], until)
        return _compared(asked, self.vectors), *self._blocks.flat(after.blocks), after.places


def _sketch_holding_step(scorer: HistoryScorer) -> Sketch:
    items = torch.ones(3, dtype=torch.long)
    intervals = torch.full((3,), 60.0)
    _, state = scorer.network.extend(items[:, None], intervals[:, None])
    blocks = Blocks(state)
    named = _named(blocks.flat(state))
    example = {"items": items, "intervals": intervals, **named}
    return Sketch(_HoldingStep(scorer, blocks), example, ("scores", *_after(named)))


def _sketch_reading_step(scorer: HistoryScorer) -> Sketch:
    features = _features(scorer.spec, (3,))
    event = {
        "items": torch.ones(3, dtype=torch.long),
        "first": torch.tensor([True, False, False]),
        "before": torch.full((3,), 60.0),
        "until": torch.full((3,), 60.0),
        **features,
    }
    columns = {name: x[:, None] for name, x in features.items()}
    _, state = scorer.network.read(event["items"][:, None], event["before"][:, None], **columns)
    blocks = Blocks(state.blocks)
    named = _named([*blocks.flat(state.blocks), state.places])
    return Sketch(_ReadingStep(scorer, blocks), {**event, **named}, ("scores", *_after(named)))


def _named(state: list[Tensor]) -> Tensors:
    return {f"state_{place}": x for place, x in enumerate(state)}


def _after(state: Tensors) -> list[str]:
    return [f"next_{name}" for name in state]


def _compared(hidden: Tensor, vectors: Tensor) -> Tensor:
    return _without_padding(hidden.float() @ vectors.T)


def _without_padding(scores: Tensor) -> Tensor:
    """Give the padding's column −inf."""
    padding = torch.full_like(scores[:, :1], -torch.inf)
    return torch.cat([padding, scores[:, 1:]], dim=1)

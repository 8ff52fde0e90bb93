"""Trained networks asked outside RecBole: the same scores from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqrec.errors import ProjectError
from seqrec.histories.features import FEATURES
from seqrec.model_registry import MODELS, ModelSpec, load
from seqrec.models.blank import blank
from seqrec.models.context import UNKNOWN_TIME
from seqrec.ops.backend import resolve
from seqrec.serving.events import History
from seqrec.tables import columns as c

BATCH = 64
"""Most histories that are encoded at once."""
_PREFIXES = ("encoder.", "network.")
"""What stands before the weights' names where RecBole's recommender wraps a network."""


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        history: What the user has done; empty for a model of user-item pairs.
        user: Row of the user embedding; None for a model of histories.
        at: When it is asked, Unix seconds; None if nobody knows.
    """

    history: History
    user: int | None
    at: int | None


class Scorer(Protocol):
    """A trained model.

    Attributes:
        spec: Its entry in the registry.
        n_items: Rows of the item embedding, padding included.
    """

    spec: ModelSpec
    n_items: int

    def score(self, queries: Sequence[Query]) -> Tensor:
        """Score every item, (B, n_items) in float32; what stands at row 0 means nothing."""
        ...


class HistoryScorer:
    """A network that turns histories into hidden states.

    Args:
        spec: The model's entry.
        parameters: The network's.
        weights: By name.
        n_items: Rows of the item embedding, padding included.
    """

    def __init__(
        self, spec: ModelSpec, parameters: Any, weights: Mapping[str, Tensor], n_items: int
    ) -> None:
        self.spec = spec
        self.n_items = n_items
        self.max_length: int = parameters.max_length
        backend = resolve("torch", "cpu")
        build = partial(load(served(spec)), parameters, n_items, backend)
        self.network: Any = _filled(build, weights)
        own = getattr(self.network, "item_vectors", None)
        vectors: Tensor = own() if own else self.network.item_embedding.weight
        self.item_vectors = vectors.detach().float()

    @torch.inference_mode()
    def score(self, queries: Sequence[Query]) -> Tensor:
        """Score every item, from the last `max_length` events."""
        parts = [queries[i : i + BATCH] for i in range(0, len(queries), BATCH)]
        return torch.cat([self.compare(self._encode(part)) for part in parts])

    def compare(self, hidden: Tensor) -> Tensor:
        """Compare hidden states, (B, D), with every item, (B, n_items)."""
        return hidden.float() @ self.item_vectors.T

    def seconds_until(self, query: Query) -> float:
        """Return the time from the last event to the query, or what stands for it.

        Raises:
            ProjectError: The query comes before the last event.
        """
        if query.at is not None:
            return float(check_order(query.history, query.at))
        if self.spec.tells_unknown:
            return UNKNOWN_TIME
        return query.history.median_gap() if self.spec.uses_time else 0.0

    def features(self, history: History) -> dict[str, Tensor]:
        """Lay out what the network reads beside items and intervals, (L,) each."""
        columns: dict[str, NDArray[Any]] = {
            c.RATING: history.ratings,
            c.TIMESTAMP: history.times,
        }
        found = {}
        for name in self.spec.features:
            column, compact = FEATURES[name]
            found[name] = torch.from_numpy(compact(columns[column]))
        return found

    def _encode(self, queries: Sequence[Query]) -> Tensor:
        rows = [self._row(query) for query in queries]
        batch = {name: _padded([row[name] for row in rows]) for name in rows[0]}
        lengths = torch.tensor([len(row["items"]) for row in rows])
        hidden: Tensor = self.network(**batch)
        return hidden[torch.arange(len(rows)), lengths - 1]

    def _row(self, query: Query) -> dict[str, Tensor]:
        until = self.seconds_until(query)
        window = query.history[-self.max_length :]
        gaps = np.append(np.diff(window.times).astype(np.float32), np.float32(until))
        items = torch.from_numpy(window.items)
        features = self.features(window)
        return {"items": items, "intervals": torch.from_numpy(gaps), **features}


class PairScorer:
    """A network of user-item pairs: it knows the users it was trained on, and no histories.

    Args:
        spec: The model's entry.
        parameters: The network's.
        weights: By name.
        n_items: Rows of the item embedding, padding included.
    """

    def __init__(
        self, spec: ModelSpec, parameters: Any, weights: Mapping[str, Tensor], n_items: int
    ) -> None:
        self.spec = spec
        self.n_items = n_items
        n_users = next(len(table) for name, table in weights.items() if "user" in name)
        build = partial(load(served(spec)), parameters, n_users, n_items)
        self.network: Any = _filled(build, weights)

    @torch.inference_mode()
    def score(self, queries: Sequence[Query]) -> Tensor:
        """Score every item for known users."""
        users = torch.tensor([query.user for query in queries])
        parts = [users[i : i + BATCH] for i in range(0, len(users), BATCH)]
        return torch.cat([self.network.score(part) for part in parts])


def make_scorer(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Scorer:
    """Rebuild a trained model.

    Args:
        config: From its folder.
        weights: From its folder.

    Raises:
        ProjectError: This version of the project has no such model, or the weights are another's.
    """
    name = config["name"]
    if name not in MODELS:
        raise ProjectError(f"{name!r} is no model of this version of seqrec: {', '.join(MODELS)}")
    spec = MODELS[name]
    kind = HistoryScorer if spec.uses_history else PairScorer
    try:
        parameters = spec.parameters.model_validate(config["model"])
        n_items = next(len(table) for name, table in weights.items() if "item" in name)
        return kind(spec, parameters, weights, n_items)
    except (KeyError, ValueError, RuntimeError, StopIteration) as error:
        line = str(error).splitlines()[0] if str(error) else "an embedding is missing"
        raise ProjectError(
            f"the weights of {name} are not those of its network: {line}"
        ) from error


def check_order(history: History, at: int) -> int:
    """Return the seconds from a history's last event to a query.

    Raises:
        ProjectError: The query comes before the last event.
    """
    last = int(history.times[-1])
    if at < last:
        raise ProjectError(f"at={at} lies before the last event of the history, {last}")
    return at - last


def served(spec: ModelSpec) -> str:
    """Return the import path of the network that takes a model's weights."""
    return spec.served_as or spec.network or ""


def _filled(build: Callable[[], nn.Module], weights: Mapping[str, Tensor]) -> Any:
    """Build a network and give it trained weights, in evaluation mode."""
    with blank():
        network = build()
    plain = {_without_prefix(name): value for name, value in weights.items()}
    network.load_state_dict(plain)
    for weight in network.parameters():
        weight.requires_grad_(False)
    return network.eval()


def _without_prefix(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """Fill rows up on the right with zeros, (B, L)."""
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)

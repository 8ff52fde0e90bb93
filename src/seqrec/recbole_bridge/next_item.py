"""What every model of histories shares: losses over each learned position, full ranking."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from recbole.data.interaction import Interaction
from torch import Tensor

from seqrec.histories import batches as b
from seqrec.ops.backend import Backend, resolve
from seqrec.ops.packing import Packing
from seqrec.ops.sampled_softmax import sampled_cross_entropy_of
from seqrec.ops.seen import Seen
from seqrec.ranking.scoring import ScoreRange
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.training.experiment import Experiment
from seqrec.training.sharded_items import ShardedEmbedding


class NextItem:
    """Mixin of RecBole recommenders that score items by dot products with their embeddings.

    Windows and prefixes take the same path: a prefix is a window of which only the last target
    is learned. Batches are dense, or packed if they have offsets.

    Attributes:
        packs_histories: Whether batches without padding are understood.
        records_graphs: Whether a training step is known to be recordable as a CUDA graph.
        item_embedding: Of every item, padding first.
        backend: Has the loss over all items.
    """

    packs_histories = False
    records_graphs = False
    item_embedding: torch.nn.Embedding
    backend: Backend
    loss_type: str
    ITEM_ID: str
    max_seq_length: int

    def choose_loss(self, experiment: Experiment) -> None:
        """Take the loss and the backend that computes it from the parameters."""
        self.loss_type = experiment.training.loss_type
        self.backend = resolve(experiment.runtime.ssm_backend, experiment.device)

    def item_vectors(self) -> Tensor:
        """Return what hidden states are compared with, (n_items, D).

        Where processes share the items, this one's rows: (n_items / P, D).
        """
        return self.item_embedding.weight

    def _look_up(self, items: Tensor, ids: Tensor) -> Tensor:
        """Return the vectors of some items, (..., D)."""
        if isinstance(self.item_embedding, ShardedEmbedding):
            return self.item_embedding.shards.lookup(items, ids)
        return F.embedding(ids, items)

    def _full_softmax(
        self, hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None
    ) -> Tensor:
        if isinstance(self.item_embedding, ShardedEmbedding):
            return self.item_embedding.shards.cross_entropy(hidden, items, targets, seen)
        return self.backend.cross_entropy(hidden, items, targets, seen)

    def encode(self, interaction: Interaction) -> Tensor:
        """Return the hidden state after each input, (B, L, D) or (T, D)."""
        raise NotImplementedError

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return the mean loss over the batch's targets.

        Raises:
            KeyError: BPR or sampled_CE without sampled negatives.

        Paper: cross-entropy over all items as in SS4Rec's code; BPR, arXiv 1205.2618.
        """
        targets = interaction[b.TARGET_LIST].flatten()
        hidden = self.encode(interaction).flatten(0, -2)
        seen = self._seen(interaction)
        if self.loss_type == "sampled_CE":
            items, drawn = self.item_vectors(), interaction[b.NEGATIVE_LIST]
            log_q = interaction[b.LOG_Q]
            vectors = self._look_up(items, targets), self._look_up(items, drawn)
            return sampled_cross_entropy_of(hidden, *vectors, targets, drawn, log_q, seen)
        if self.loss_type == "BPR":
            return self._pairwise_loss(hidden, targets, interaction)
        if not targets.is_cuda:  # a GPU would have to stop and count them
            seen = seen and seen.at(targets > 0)
            hidden, targets = hidden[targets > 0], targets[targets > 0]
        return self._full_softmax(hidden, self.item_vectors(), targets, seen)

    def _seen(self, interaction: Interaction) -> Seen | None:
        """Take what positions leave out of their softmax from a batch; None for nothing."""
        if b.BEFORE_LIST not in interaction:
            return None
        inputs = interaction[b.ITEM_LIST]
        if b.CU_SEQLENS in interaction:
            packing = Packing(interaction[b.CU_SEQLENS], self.max_seq_length)
        else:
            packing = Packing.of_batch(inputs)
        before = interaction[b.BEFORE_LIST]
        return Seen.of_windows(inputs.flatten(), packing, before, interaction[b.BEFORE])

    def _pairwise_loss(self, hidden: Tensor, targets: Tensor, interaction: Interaction) -> Tensor:
        items = self.item_vectors()
        positive = (hidden * self._look_up(items, targets)).sum(-1, keepdim=True)
        negatives = self._look_up(items, interaction[b.NEGATIVE_LIST].flatten(0, -2))
        negative = (negatives @ hidden[..., None]).squeeze(-1)
        losses = -F.logsigmoid(positive - negative).mean(-1)
        learned = targets > 0
        return torch.where(learned, losses, 0.0).sum() / learned.sum().clamp(min=1)

    def predict(self, interaction: Interaction) -> Tensor:
        """Score one item per row, (B,)."""
        items = self._look_up(self.item_vectors(), interaction[self.ITEM_ID])
        scores: Tensor = (self._last(interaction) * items).sum(-1)
        return scores

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Score every item for each row in float32, (B, n_items)."""
        hidden = self._last(interaction)
        if isinstance(self.item_embedding, ShardedEmbedding):
            return self.item_embedding.shards.scores(self.item_vectors(), hidden)
        return hidden.float() @ self.item_vectors().float().T

    def score_in_ranges(self, interaction: Interaction) -> ScoreRange:
        """Return what scores a range of items for each row; histories are encoded once."""
        asked = self._last(interaction).float()
        vectors = self.item_vectors().float()
        return lambda items: asked @ vectors[items].T

    def _last(self, interaction: Interaction) -> Tensor:
        lengths = interaction[b.LENGTH]
        hidden = self.encode(interaction)
        if b.CU_SEQLENS in interaction:
            return hidden[interaction[b.CU_SEQLENS][1 : len(lengths) + 1] - 1]
        return hidden[torch.arange(len(lengths), device=lengths.device), lengths - 1]


class RecBoleNextItem(NextItem):
    """Mixin of RecBole's own networks: their ``forward`` gives every position, not the last."""

    def __init__(
        self, config: BridgeConfig, dataset: InteractionDataset, experiment: Experiment
    ) -> None:
        settings = _Settings(config, self.settings(experiment.model))
        super().__init__(settings, dataset)  # type: ignore[call-arg]
        self.choose_loss(experiment)

    @staticmethod
    def settings(model: Any) -> dict[str, Any]:
        """Spell a network's sizes as RecBole reads them."""
        raise NotImplementedError

    def gather_indexes(self, output: Tensor, _: Any) -> Tensor:
        """Keep all positions; RecBole's takes the last one's."""
        return output

    def encode(self, interaction: Interaction) -> Tensor:
        """Run RecBole's network, (B, L, D)."""
        hidden: Tensor = self.forward(interaction[b.ITEM_LIST], interaction[b.LENGTH])  # type: ignore[attr-defined]
        return hidden


class _Settings:
    """RecBole's configuration with the names that one of its networks reads."""

    def __init__(self, config: BridgeConfig, settings: dict[str, Any]) -> None:
        self._config = config
        # RecBole's networks know two losses by name; ours replaces theirs.
        self._settings = {**settings, "loss_type": "CE"}

    def __getitem__(self, name: str) -> Any:
        return self._settings[name] if name in self._settings else self._config[name]

"""RecBole recommenders around the networks of `seqrec.models`."""

from __future__ import annotations

import logging
from typing import Any

import torch
import torch.nn.functional as F
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import GeneralRecommender, SequentialRecommender
from torch import Tensor

from seqrec.models.ncf import NeuMF
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import resolve
from seqrec.ops.packing import Packing
from seqrec.ops.sampled_softmax import sampled_cross_entropy
from seqrec.parameters import NCFModel, SS4RecModel
from seqrec.recbole_bridge import batches as b
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.datasets import InteractionDataset

logger = logging.getLogger(__name__)


class SS4RecRecommender(SequentialRecommender):
    """SS4Rec in RecBole: next-item loss over every learned position, full ranking of the last.

    Windows and prefixes take the same path: a prefix is a window of which only the last target
    is learned. Batches are dense, or packed if they have offsets.
    """

    uses_time = True
    parameters_type = SS4RecModel

    def __init__(self, config: BridgeConfig, dataset: InteractionDataset) -> None:
        super().__init__(config, dataset)
        self.loss_type = config["loss_type"]
        backend = resolve(config["ssm_backend"], config["device"])
        logger.info("ssm_backend %s on %s", backend.name, config["device"])
        self.encoder = SS4RecEncoder(config["model_parameters"], self.n_items, backend)

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return the mean loss over the batch's targets.

        Raises:
            KeyError: BPR or sampled_CE without sampled negatives.

        Paper: cross-entropy over all items as in the authors' code; BPR, arXiv 1205.2618.
        """
        targets = interaction[b.TARGET_LIST].flatten()
        hidden = self._encode(interaction).flatten(0, -2)
        if self.loss_type == "sampled_CE":
            return self._sampled_loss(hidden, targets, interaction)
        if self.loss_type == "BPR":
            return self._pairwise_loss(hidden, targets, interaction)
        if not targets.is_cuda:  # a GPU would have to stop and count them
            hidden, targets = hidden[targets > 0], targets[targets > 0]
        return self.encoder.loss(hidden, targets)

    def _sampled_loss(self, hidden: Tensor, targets: Tensor, interaction: Interaction) -> Tensor:
        items, drawn = self.encoder.item_embedding.weight, interaction[b.NEGATIVE_LIST]
        return sampled_cross_entropy(hidden, items, targets, drawn, interaction[b.LOG_Q])

    def _pairwise_loss(self, hidden: Tensor, targets: Tensor, interaction: Interaction) -> Tensor:
        embedding = self.encoder.item_embedding
        positive = (hidden * embedding(targets)).sum(-1, keepdim=True)
        negatives = embedding(interaction[b.NEGATIVE_LIST].flatten(0, -2))
        negative = (negatives @ hidden[..., None]).squeeze(-1)
        losses = -F.logsigmoid(positive - negative).mean(-1)
        learned = targets > 0
        return torch.where(learned, losses, 0.0).sum() / learned.sum().clamp(min=1)

    def predict(self, interaction: Interaction) -> Tensor:
        """Score one item per row, (B,)."""
        items = self.encoder.item_embedding(interaction[self.ITEM_ID])
        scores: Tensor = (self._last(interaction) * items).sum(-1)
        return scores

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Score every item for each row, (B, n_items)."""
        return self.encoder.score(self._last(interaction))

    def _encode(self, interaction: Interaction) -> Tensor:
        packing = None
        if b.OFFSETS in interaction:
            packing = Packing(interaction[b.OFFSETS], self.max_seq_length)
        hidden: Tensor = self.encoder(interaction[b.ITEM_LIST], interaction[b.DELTA_LIST], packing)
        return hidden

    def _last(self, interaction: Interaction) -> Tensor:
        lengths = interaction[b.LENGTH]
        hidden = self._encode(interaction)
        if b.OFFSETS in interaction:
            return hidden[interaction[b.OFFSETS][1 : len(lengths) + 1] - 1]
        return hidden[torch.arange(len(lengths), device=lengths.device), lengths - 1]


class NCFRecommender(GeneralRecommender):
    """NeuMF in RecBole, with a full-sort prediction that does not score pairs one by one."""

    uses_time = False
    parameters_type = NCFModel

    def __init__(self, config: BridgeConfig, dataset: InteractionDataset) -> None:
        super().__init__(config, dataset)
        self.label = config["LABEL_FIELD"]
        self.loss_type = config["loss_type"]
        self.network = NeuMF(config["model_parameters"], self.n_users, self.n_items)

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return binary cross-entropy against sampled negatives, or BPR."""
        logits = self.predict(interaction)
        if self.loss_type == "BCE":
            return F.binary_cross_entropy_with_logits(logits, interaction[self.label])
        negative = self.network(interaction[self.USER_ID], interaction[self.NEG_ITEM_ID])
        return -F.logsigmoid(logits - negative).mean()

    def predict(self, interaction: Interaction) -> Tensor:
        """Score one item per row, (B,)."""
        logits: Tensor = self.network(interaction[self.USER_ID], interaction[self.ITEM_ID])
        return logits

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Score every item for each row, (B, n_items)."""
        return self.network.score(interaction[self.USER_ID])


RECOMMENDERS: dict[str, Any] = {"ss4rec": SS4RecRecommender, "ncf": NCFRecommender}
"""Every model the template can train, by its namespace."""

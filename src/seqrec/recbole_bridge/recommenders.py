"""RecBole recommenders around the networks of `seqrec.models`."""

from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import GeneralRecommender, SequentialRecommender
from torch import Tensor

from seqrec.histories import batches as b
from seqrec.histories.features import feature_list
from seqrec.model_registry import MODELS, load
from seqrec.models.ncf import NeuMF
from seqrec.ops.packing import Packing
from seqrec.parameters import NCFModel
from seqrec.ranking.scoring import ScoreRange
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.next_item import NextItem
from seqrec.training.experiment import Experiment

logger = logging.getLogger(__name__)


class NetworkRecommender(NextItem, SequentialRecommender):
    """Any network of histories in RecBole: the one that the model's entry names.

    The network is built as ``network(parameters, n_items, backend)``, turns items and intervals
    into hidden states and has `item_embedding`.
    """

    def __init__(
        self, config: BridgeConfig, dataset: InteractionDataset, experiment: Experiment
    ) -> None:
        super().__init__(config, dataset)
        self.choose_loss(experiment)
        spec = MODELS[experiment.name]
        self.packs_histories = spec.packs_histories and self.backend.prefers_packed
        self.features = spec.features
        logger.info("ssm_backend %s: %s", self.backend.name, self.backend.runs)
        network = load(spec.network or "")
        self.encoder = network(experiment.model, self.n_items, self.backend)

    @property
    def item_embedding(self) -> torch.nn.Embedding:  # type: ignore[override]
        """The network's own."""
        embedding: torch.nn.Embedding = self.encoder.item_embedding
        return embedding

    def item_vectors(self) -> Tensor:
        """Return what hidden states are compared with, (n_items, D)."""
        own = getattr(self.encoder, "item_vectors", None)
        return own() if own else super().item_vectors()

    def encode(self, interaction: Interaction) -> Tensor:
        """Encode histories, (B, L, D), or (T, D) if packed."""
        packing = None
        if b.CU_SEQLENS in interaction:
            packing = Packing(interaction[b.CU_SEQLENS], self.max_seq_length)
        items = interaction[b.ITEM_LIST]
        features = {name: interaction[feature_list(name)] for name in self.features}
        hidden: Tensor = self.encoder(items, interaction[b.DELTA_LIST], packing, **features)
        return hidden


class NCFRecommender(GeneralRecommender):
    """NeuMF in RecBole, with a full-sort prediction that does not score pairs one by one."""

    packs_histories = False
    records_graphs = True

    def __init__(
        self, config: BridgeConfig, dataset: InteractionDataset, experiment: Experiment
    ) -> None:
        super().__init__(config, dataset)
        self.loss_type = experiment.training.loss_type
        assert isinstance(experiment.model, NCFModel)  # noqa: S101 - for the type checker
        self.network = NeuMF(experiment.model, self.n_users, self.n_items)

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return binary cross-entropy against sampled negatives, or BPR."""
        logits = self.predict(interaction)
        if self.loss_type == "BCE":
            return F.binary_cross_entropy_with_logits(logits, interaction[b.LABEL])
        negative = self.network(interaction[self.USER_ID], interaction[self.NEG_ITEM_ID])
        return -F.logsigmoid(logits - negative).mean()

    def predict(self, interaction: Interaction) -> Tensor:
        """Score one item per row, (B,)."""
        logits: Tensor = self.network(interaction[self.USER_ID], interaction[self.ITEM_ID])
        return logits

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Score every item for each row, (B, n_items)."""
        return self.network.score(interaction[self.USER_ID])

    def score_in_ranges(self, interaction: Interaction) -> ScoreRange:
        """Return what scores a range of items for each row."""
        users = interaction[self.USER_ID]
        return lambda items: self.network.score(users, items)

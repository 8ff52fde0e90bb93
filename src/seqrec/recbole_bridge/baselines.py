"""Baselines: RecBole's layers and initialisation; our data, losses and ranks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from recbole.data.interaction import Interaction
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor, nn

from seqrec.parameters import BPRMFModel, GRU4RecModel, SASRecModel
from seqrec.ranking.scoring import ScoreRange
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.next_item import RecBoleNextItem
from seqrec.training.experiment import Experiment

# One of the modules that come along (SINE) switches autograd's anomaly detection on for good,
# which slows every training down.
_anomalies = torch.is_anomaly_enabled()
from recbole.model.sequential_recommender import GRU4Rec as GRU4RecNetwork  # noqa: E402
from recbole.model.sequential_recommender import SASRec  # noqa: E402

torch.autograd.set_detect_anomaly(_anomalies)


class SASRecRecommender(RecBoleNextItem, SASRec):
    """SASRec (arXiv 1808.09781) as RecBole builds it, trained at every position."""

    @staticmethod
    def settings(model: SASRecModel) -> dict[str, Any]:
        """Spell the sizes as RecBole's network reads them."""
        return {
            "n_layers": model.n_layers,
            "n_heads": model.n_heads,
            "hidden_size": model.hidden_size,
            "inner_size": model.inner_size,
            "hidden_dropout_prob": model.dropout,
            "attn_dropout_prob": model.dropout,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "initializer_range": 0.02,
        }


class GRU4RecRecommender(RecBoleNextItem, GRU4RecNetwork):
    """GRU4Rec (arXiv 1511.06939) as RecBole builds it, trained at every position."""

    @staticmethod
    def settings(model: GRU4RecModel) -> dict[str, Any]:
        """Spell the sizes as RecBole's network reads them."""
        return {
            "embedding_size": model.hidden_size,
            "hidden_size": model.inner_size,
            "num_layers": model.n_layers,
            "dropout_prob": model.dropout,
        }


class BPRMFRecommender(GeneralRecommender):
    """Matrix factorisation with BPR's loss (arXiv 1205.2618), initialised as in RecBole.

    RecBole's own cannot be imported: its package of general models needs one it does not declare.
    """

    packs_histories = False
    records_graphs = True

    def __init__(
        self, config: BridgeConfig, dataset: InteractionDataset, experiment: Experiment
    ) -> None:
        super().__init__(config, dataset)
        assert isinstance(experiment.model, BPRMFModel)  # noqa: S101 - for the type checker
        size = experiment.model.hidden_size
        self.user_embedding = nn.Embedding(self.n_users, size)
        self.item_embedding = nn.Embedding(self.n_items, size)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.xavier_normal_(table.weight)

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return BPR's loss against sampled negatives."""
        users = self.user_embedding(interaction[self.USER_ID])
        items = self.item_embedding(interaction[self.ITEM_ID])
        negatives = self.item_embedding(interaction[self.NEG_ITEM_ID])
        return -F.logsigmoid((users * (items - negatives)).sum(-1)).mean()

    def predict(self, interaction: Interaction) -> Tensor:
        """Score one item per row, (B,)."""
        users = self.user_embedding(interaction[self.USER_ID])
        scores: Tensor = (users * self.item_embedding(interaction[self.ITEM_ID])).sum(-1)
        return scores

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Score every item for each row, (B, n_items)."""
        scores: Tensor = (
            self.user_embedding(interaction[self.USER_ID]) @ self.item_embedding.weight.T
        )
        return scores

    def score_in_ranges(self, interaction: Interaction) -> ScoreRange:
        """Return what scores a range of items for each row."""
        users = self.user_embedding(interaction[self.USER_ID])
        return lambda items: users @ self.item_embedding.weight[items].T

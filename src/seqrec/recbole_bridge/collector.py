"""RecBole's Collector with one held-out item per user, and users on several processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from recbole.evaluator import Collector
from torch import Tensor

from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.training.processes import Processes

TOP_K = "rec.topk"


class HeldOutCollector(Collector):
    """Collects what RecBole's metrics need: hits among the top K.

    RecBole marks the positive items in a matrix as large as the scores.

    Args:
        config: From `build_config`.
        processes: Each ranks some of the users.
    """

    def __init__(self, config: BridgeConfig, processes: Processes) -> None:
        super().__init__(config)
        self._processes = processes

    def eval_batch_collect(
        self, scores_tensor: Tensor, interaction: Any, positive_u: Tensor, positive_i: Tensor
    ) -> None:
        """Note where the held-out item stands among a batch's top K."""
        largest = max(self.topk)
        top = scores_tensor.topk(min(largest, scores_tensor.shape[1]), dim=-1).indices
        hits = (top == positive_i[:, None]).int()
        # RecBole's metrics want K columns, however few items there are.
        hits = F.pad(hits, (0, largest - hits.shape[1]))
        one = torch.ones_like(hits[:, :1])
        self.data_struct.update_tensor(TOP_K, torch.cat([hits, one], dim=1))

    def get_data_struct(self) -> Any:
        """Return what was collected, of all users, and forget it."""
        collected = super().get_data_struct()
        collected.set(TOP_K, self._processes.gather(collected.get(TOP_K)))
        return collected

"""RecBole's Trainer, quiet about files and loud about numbers."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import warnings
from typing import Any

import torch
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.trainer import Trainer
from torch import Tensor, nn

from seqrec import columns as c
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.masking import HistoryMask
from seqrec.recbole_bridge.scoring import full_sort_scores

logger = logging.getLogger(__name__)


class _NoBoard:
    """Stands where RecBole keeps its TensorBoard writer."""

    def add_scalar(self, *_: Any) -> None:
        """Write nothing."""


class BridgeTrainer(Trainer):
    """Trainer with one masking rule, a history per epoch and no files.

    After `fit`, the model holds its best weights and `history` a row per epoch: training loss
    (mean over batches), validation metrics, seconds, gradient norms.

    Args:
        config: From `build_config`.
        model: A recommender.
    """

    def __init__(self, config: BridgeConfig, model: nn.Module) -> None:
        # RecBole opens a TensorBoard writer and a checkpoint folder in the working directory.
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            super().__init__(config, model)
            self.tensorboard.close()
        self.tensorboard: Any = _NoBoard()
        self.history: list[dict[str, float]] = []
        self._best: dict[str, Tensor] = {}
        self._mask: HistoryMask | None = None
        self._norms: list[Tensor] = []
        self.optimizer.register_step_pre_hook(self._record_gradient_norm)

    def fit(self, train_data: TrainDataLoader, valid_data: Any = None, **_: Any) -> Any:
        """Train until `early_stopping` validations bring no new best; keep the best weights."""
        with warnings.catch_warnings():
            # RecBole builds torch.cuda.amp.GradScaler each epoch, even on a CPU.
            warnings.filterwarnings("ignore", message=".*GradScaler", category=FutureWarning)
            warnings.filterwarnings("ignore", message=".*__array_wrap__")
            result = super().fit(
                train_data, valid_data, verbose=False, show_progress=self.config["show_progress"]
            )
        self.model.load_state_dict(self._best)
        return result

    def _train_epoch(
        self, train_data: TrainDataLoader, epoch_idx: int, *args: Any, **kw: Any
    ) -> Any:
        self._norms.clear()
        started = time.perf_counter()
        total = super()._train_epoch(train_data, epoch_idx, *args, **kw)
        norms = torch.stack(self._norms).cpu()
        if not torch.isfinite(norms).all():
            step = int((~torch.isfinite(norms)).nonzero()[0])
            raise FloatingPointError(
                f"gradient norm is {norms[step]} in epoch {epoch_idx}, step {step}"
            )
        row = {
            c.EPOCH: epoch_idx,
            "loss": total / len(train_data),
            "gradient_norm": float(norms.mean()),
            "largest_gradient_norm": float(norms.max()),
            "train_seconds": time.perf_counter() - started,
        }
        self.history.append(row)
        return total

    def _valid_epoch(self, valid_data: FullSortEvalDataLoader, show_progress: bool = False) -> Any:
        started = time.perf_counter()
        score, metrics = super()._valid_epoch(valid_data)
        row = self.history[-1]
        row.update({name.replace("hit", "hr").upper(): float(v) for name, v in metrics.items()})
        row["valid_seconds"] = time.perf_counter() - started
        logger.info(
            "%s epoch %3d: loss %.4f, valid NDCG@10 %.4f, HR@10 %.4f (%.1f s + %.1f s)",
            self.config["name"], row[c.EPOCH], row["loss"], row["NDCG@10"], row["HR@10"],
            row["train_seconds"], row["valid_seconds"],
        )  # fmt: skip
        return score, metrics

    def evaluate(self, eval_data: FullSortEvalDataLoader, *args: Any, **kw: Any) -> Any:
        """Rank by RecBole's evaluator under the configured mask."""
        dataset = eval_data._dataset
        masked = self.config["valid_mask"] == c.MASKED
        self._mask = (
            HistoryMask(dataset.histories, dataset.split, dataset.user_num) if masked else None
        )
        return super().evaluate(eval_data, *args, **kw)

    def _full_sort_batch_eval(self, batched_data: Any) -> Any:
        interaction, _, row, target = batched_data
        interaction = interaction.to(self.device)
        scores = full_sort_scores(self.model, interaction, self.tot_item_num)
        if self._mask is not None:
            scores = self._mask.apply(scores, interaction[c.USER], target.to(scores.device))
        return interaction, scores, row, target

    def _check_nan(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            step, epoch = len(self._norms), len(self.history)
            raise FloatingPointError(
                f"training loss is {loss.item()} in epoch {epoch}, step {step}"
            )

    def _record_gradient_norm(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        gradients = [
            p.grad
            for group in optimizer.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        self._norms.append(torch.nn.utils.get_total_norm(gradients))

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **_: Any) -> None:
        """Keep the best weights in memory; RecBole would pickle itself to disk."""
        weights = self.model.state_dict()
        self._best = {name: value.detach().cpu().clone() for name, value in weights.items()}

    def _add_hparam_to_tensorboard(self, best_valid_result: Any) -> None:
        """Write nothing."""

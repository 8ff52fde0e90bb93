"""RecBole's Trainer: fast steps, loud about numbers, and never more than minutes to lose."""

from __future__ import annotations

import contextlib
import logging
import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from recbole.trainer import Trainer
from torch import Tensor, nn

from seqrec.errors import RunInterruptedError
from seqrec.histories.batches import Fields
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import full_sort_scores
from seqrec.recbole_bridge.collector import HeldOutCollector
from seqrec.recbole_bridge.config import BridgeConfig, packs
from seqrec.recbole_bridge.held_out import HeldOutLoader
from seqrec.recbole_bridge.loaders import SHARE, TrainLoader
from seqrec.tables import columns as c
from seqrec.training.callbacks import EpochEnded, publish
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.processes import Ranks
from seqrec.training.progress import TrainingProgress
from seqrec.training.signals import Interruption, watch
from seqrec.training.state import capture, restore
from seqrec.training.step import Average, TrainStep, learning_rate_at
from seqrec.training.tally import Tally

logger = logging.getLogger(__name__)

AGREE_EVERY = 20
"""Steps between the moments when several processes agree whether to stop or to checkpoint."""


class _NoBoard:
    """Stands where RecBole keeps its TensorBoard writer."""

    def add_scalar(self, *_: Any) -> None:
        """Write nothing."""


class BridgeTrainer(Trainer):
    """Trainer with one masking rule, a history per epoch, checkpoints and no files of its own.

    After `fit`, the model holds its best weights and `history` a row per epoch: training loss
    (mean over steps), validation metrics, seconds, norms of gradients and weights, memory.

    Args:
        config: From `build_config`.
        model: A recommender.
        ranks: The processes that train together; None for one.
        store: Where checkpoints are kept; None for nowhere.
        identity: What a checkpoint must share to be gone on from; plain JSON values.
    """

    def __init__(
        self,
        config: BridgeConfig,
        model: nn.Module,
        ranks: Ranks | None = None,
        store: CheckpointStore | None = None,
        identity: dict[str, Any] | None = None,
    ) -> None:
        # RecBole opens a TensorBoard writer and a checkpoint folder in the working directory.
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            super().__init__(config, model)
            self.tensorboard.close()
        self.tensorboard: Any = _NoBoard()
        self.ranks, self.store, self.identity = ranks or Ranks(), store, identity or {}
        self.eval_collector = HeldOutCollector(config, self.ranks)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        decay = config["ema_decay"]
        self.average = Average(model.parameters(), decay) if decay else None
        self.steps_taken = self.start_step = 0
        self.start_tally: dict[str, Any] | None = None
        self.start_seconds = self.epoch_seconds = 0.0
        self._masks: dict[str, HistoryMask] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._written: Future[None] | None = None
        self._new_best, self._saved_at = False, time.monotonic()
        self.tally = Tally([], 0)

    def _build_optimizer(self, **_: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            self.model.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=self.device.type == "cuda" or None,
        )

    def resume(self) -> bool:
        """Go on from the newest whole checkpoint; False if there is none.

        Raises:
            ProjectError: The checkpoint is of another experiment.
        """
        checkpoint = self.store.newest() if self.store else None
        if checkpoint is None:
            return False
        restore(self, checkpoint)
        logger.info(
            "%s goes on in epoch %d, step %d",
            self.config["name"], self.start_epoch, self.start_step,
        )  # fmt: skip
        return True

    @property
    def finished(self) -> bool:
        """Whether the epochs or the patience are used up."""
        return bool(self.start_epoch >= self.epochs or self.cur_step > self.stopping_step)

    def fit(
        self,
        train_data: TrainLoader,
        valid_data: HeldOutLoader,
        on_epoch: Callable[[int, float], None] | None = None,
    ) -> None:
        """Train until `early_stopping` validations bring no new best; keep the best weights.

        Args:
            train_data: From `build_loaders`.
            valid_data: Likewise.
            on_epoch: Called with each epoch and its validation score.

        Raises:
            DivergedError: A loss or gradient is NaN or infinite; earlier checkpoints stay.
            FloatingPointError: A score is.
            RunInterruptedError: A signal came; a checkpoint was written.
        """
        self._step = TrainStep(
            self.model, self.optimizer, self._loss_of(train_data), self.config, self.ranks,
            graphs=self._may_record(), layout=lambda: train_data.layout,
        )  # fmt: skip
        name, shown = self.config["name"], self.config["show_progress"] and self.ranks.writes
        with (
            TrainingProgress(name, self.epochs, shown) as self._progress,
            watch() as self._signal,
            self._writing(),
        ):
            if not self.finished:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message=".*__array_wrap__")
                    super().fit(train_data, valid_data, verbose=False, callback_fn=on_epoch)
            self._checkpoint(self.start_epoch, 0)
            self._stop_if_told(self._signal.number, self.start_epoch, 0)
        self.model.load_state_dict(self.best)

    def _loss_of(self, train_data: TrainLoader) -> Callable[[Fields], Tensor]:
        def loss_of(fields: Fields) -> Tensor:
            loss: Tensor = self.model.calculate_loss(train_data.expand(fields))
            return loss * fields[SHARE]

        return loss_of

    def _may_record(self) -> bool:
        """Tell whether passes can be CUDA graphs: foreign kernels are not known to allow it."""
        ours = packs(self.config) or self.model.records_graphs
        return bool(self.config["cuda_graphs"] and self.device.type == "cuda" and ours)

    def _train_epoch(self, train_data: TrainLoader, epoch_idx: int, *_: Any, **__: Any) -> float:
        epoch, first = train_data.start(epoch_idx), self.start_step
        self.tally = Tally(self._step.names, epoch_idx, self.start_tally)
        earlier, self.start_step, self.start_tally = self.start_seconds, 0, None
        self.start_seconds, started = 0.0, time.perf_counter()
        self.model.train()
        self._progress.begin(epoch_idx, first, len(epoch))
        with self._rounding():
            for step, parts in enumerate(train_data.parts(first), start=first):
                self.epoch_seconds = earlier + time.perf_counter() - started
                self._obey(epoch_idx, step)
                self._take(parts, (epoch_idx + step / len(epoch)) / self.epochs)
                self._progress.advance(int(epoch.targets[step]), self.tally.loss)
        self.tally.read()
        self.start_epoch = epoch_idx + 1
        seconds = earlier + time.perf_counter() - started
        self.history.append(
            {c.EPOCH: epoch_idx, **self.tally.row, **self._figures(epoch.targets.sum(), seconds)}
        )
        return self.tally.loss * len(epoch)

    def _take(self, parts: list[Fields], progress: float) -> None:
        rate = learning_rate_at(
            self.learning_rate, self.steps_taken, self.config["warmup_steps"], progress,
            self.config["schedule"],
        )  # fmt: skip
        loss, norms = self._step(parts, rate)
        self.steps_taken += 1
        if self.average:
            self.average.update()
        self.tally.note(loss, norms)

    def _figures(self, targets: int, seconds: float) -> dict[str, float]:
        """Measure what the epoch was, for its row of the history."""
        weights = torch.stack(torch._foreach_norm([x.detach() for x in self._step.parameters]))
        if self.device.type == "cuda":
            bytes_held = torch.cuda.max_memory_allocated(self.device)
        else:
            bytes_held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "parameter_norm": float(torch.linalg.vector_norm(weights)),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "train_seconds": seconds,
            "targets_per_second": int(targets) / seconds,
            "memory_gib": bytes_held / 2**30,
        }

    @contextlib.contextmanager
    def _rounding(self) -> Iterator[None]:
        """Let matrix products round as `precision` says."""
        before = torch.get_float32_matmul_precision()
        fast = self.config["precision"] != "float32" and self.device.type == "cuda"
        torch.set_float32_matmul_precision("high" if fast else "highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)

    def _obey(self, epoch: int, step: int) -> None:
        """Between two steps: checkpoint if it is time, stop if a signal has come."""
        if self.ranks.size > 1 and step % AGREE_EVERY:
            return
        minutes = (time.monotonic() - self._saved_at) / 60
        due = self._new_best or minutes > self.config["checkpoint_minutes"]
        signal, due = self._agree(self._signal, due)
        if signal or due:
            self._checkpoint(epoch, step)
        self._stop_if_told(signal, epoch, step)

    def _stop_if_told(self, signal: int, epoch: int, step: int) -> None:
        if signal:
            name, where = self.config["name"], f"epoch {epoch}, step {step}"
            go_on = "the same command with --params resume=true goes on from here"
            raise RunInterruptedError(
                f"{name} was interrupted by signal {signal} in {where}"
                + (f": {go_on}" if self.store else "")
            )

    def _agree(self, signal: Interruption, due: bool) -> tuple[int, bool]:
        """Come to one decision with the other processes."""
        value = self.ranks.largest(2 * signal.number + due, self.device)
        return value // 2, bool(value % 2)

    def _checkpoint(self, epoch: int, step: int) -> None:
        """Capture the training before a step; it is written while the next ones run."""
        self.tally.read()  # never keep weights that a NaN has reached
        self._new_best, self._saved_at = False, time.monotonic()
        if self.store is None:
            return
        checkpoint = capture(self, epoch, step)
        if self.ranks.writes:
            self._await_writing()
            self._written = self._writer.submit(self.store.save, checkpoint)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Wait for the last checkpoint before training returns or fails."""
        try:
            yield
        finally:
            self._await_writing()

    def _await_writing(self) -> None:
        written, self._written = self._written, None
        if written:
            written.result()

    def _valid_epoch(self, valid_data: HeldOutLoader, show_progress: bool = False) -> Any:
        started = time.perf_counter()
        with self.average.in_place() if self.average else contextlib.nullcontext():
            score, metrics = super()._valid_epoch(valid_data)
        row = self.history[-1]
        row.update({name.replace("hit", "hr").upper(): float(v) for name, v in metrics.items()})
        row["valid_seconds"] = time.perf_counter() - started
        if self.ranks.writes:
            logger.info(
                "%s epoch %3d: loss %.4f, valid NDCG@10 %.4f, HR@10 %.4f (%.1f s + %.1f s)",
                self.config["name"], row[c.EPOCH], row["loss"], row["NDCG@10"], row["HR@10"],
                row["train_seconds"], row["valid_seconds"],
            )  # fmt: skip
            best = float(score) > self.best_valid_score
            metric = self.valid_metric.replace("hit", "hr").upper()
            publish(EpochEnded(self.config["name"], row, metric, best))
        return score, metrics

    def evaluate(self, eval_data: HeldOutLoader, *_: Any, **__: Any) -> Any:
        """Rank by RecBole's evaluator under the configured mask."""
        split, dataset = eval_data.split, eval_data._dataset
        if self.config["valid_mask"] == c.MASKED and split not in self._masks:
            self._masks[split] = HistoryMask(
                dataset.histories, split, dataset.user_num, self.device
            )
        self._mask = self._masks.get(split)
        return super().evaluate(eval_data, load_best_model=False)

    def _full_sort_batch_eval(self, batched_data: Any) -> Any:
        interaction, _, row, target = batched_data
        scores = full_sort_scores(self.model, interaction, self.tot_item_num)
        if self._mask is not None:
            scores = self._mask.apply(scores, interaction[c.USER], target)
        return interaction, scores, row, target

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **_: Any) -> None:
        """Keep the best weights on the device; RecBole would pickle itself to disk."""
        with self.average.in_place() if self.average else contextlib.nullcontext():
            weights = self.model.state_dict()
            self.best = {name: value.detach().clone() for name, value in weights.items()}
        self._new_best = True

    def _add_hparam_to_tensorboard(self, best_valid_result: Any) -> None:
        """Write nothing."""

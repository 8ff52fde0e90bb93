"""RecBole's Trainer over our training engine: it keeps the loop, early stopping and metrics."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from seqrec.errors import RunInterruptedError
from seqrec.histories import batches as b
from seqrec.histories.loaders import TrainLoader
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import full_sort_scores
from seqrec.recbole_bridge.collector import HeldOutCollector
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.loaders import RecBoleHeldOutLoader
from seqrec.tables import columns as c
from seqrec.terminal.words import spell_seconds
from seqrec.training.callbacks import Callback, EpochEnd
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.devices import matmul_precision, peak_memory
from seqrec.training.experiment import Experiment
from seqrec.training.progress import TrainingProgress
from seqrec.training.schedule import make_schedule
from seqrec.training.sharded_items import sharded_parameters
from seqrec.training.signals import Interruption, watch
from seqrec.training.state import TrainingState
from seqrec.training.step import Fields, TrainStep
from seqrec.training.tally import Tally

logger = logging.getLogger(__name__)

AGREE_EVERY = 20
"""Steps at most between the moments when several processes agree whether to stop or to write a
checkpoint."""
AGREE_SECONDS = 2.0
"""Time after which they agree, however slow a step is."""


class _NoBoard:
    """Stands where RecBole keeps its TensorBoard writer."""

    def add_scalar(self, *_: Any) -> None:
        """Write nothing."""


class BridgeTrainer(Trainer):
    """Trainer with one masking rule, a log row per epoch, checkpoints and no files of its own.

    After `fit`, the model holds its best weights and `state.training_log` a row per epoch:
    training loss (mean over steps), validation metrics, seconds, norms, memory.

    Args:
        config: From `build_config`.
        model: A recommender, on its device.
        experiment: What is trained, how, and where.
        state: What a checkpoint holds; RecBole puts its progress back to the start here.
        store: Where checkpoints are kept; None for nowhere.
    """

    def __init__(
        self,
        config: BridgeConfig,
        model: nn.Module,
        experiment: Experiment,
        state: TrainingState,
        store: CheckpointStore | None = None,
    ) -> None:
        self.model: Any = model
        self.state = state
        # RecBole opens a TensorBoard writer and a checkpoint folder in the working directory.
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            super().__init__(config, model)
            self.tensorboard.close()
        self.tensorboard: Any = _NoBoard()
        self.experiment = experiment
        self.processes = state.processes
        self.store = store
        self.eval_collector = HeldOutCollector(config, state.processes)
        self._masks: dict[str, HistoryMask] = {}
        self._progress = TrainingProgress(experiment.name, self.epochs, shown=False)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._written: Future[None] | None = None
        self._due = False
        self._saved_at = time.monotonic()
        self._schedule: LRScheduler | None = None
        self._share_done = 0.0
        self._learning_rate = 0.0
        self._steps_agreed = 0
        self._steps_until_agreed = 0
        self._agreed_at = time.monotonic()

    # RecBole's loop reads and writes these; `state` owns them.

    @property
    def start_epoch(self) -> int:
        """The epoch to start or resume with."""
        return self.state.epoch

    @start_epoch.setter
    def start_epoch(self, epoch: int) -> None:
        self.state.epoch = epoch

    @property
    def cur_step(self) -> int:
        """Validations since the best one."""
        return self.state.since_best

    @cur_step.setter
    def cur_step(self, count: int) -> None:
        self.state.since_best = count

    @property
    def best_valid_score(self) -> float:
        """The best validation's metric."""
        return self.state.best_score

    @best_valid_score.setter
    def best_valid_score(self, score: float) -> None:
        self.state.best_score = score

    @property
    def best_valid_result(self) -> dict[str, float]:
        """The best validation's metrics."""
        return self.state.best_result

    @best_valid_result.setter
    def best_valid_result(self, result: dict[str, float] | None) -> None:
        self.state.best_result = result or {}

    def _build_optimizer(self, **_: Any) -> torch.optim.Optimizer:
        return self.state.optimizer

    def fit(
        self,
        train_data: TrainLoader,
        valid_data: RecBoleHeldOutLoader | None,
        callback: Callback = lambda _: None,
    ) -> None:
        """Train until `early_stopping` validations bring no new best; keep the best weights.

        Without validation items, train as many epochs as the state says; keep the last weights.

        Args:
            train_data: Training batches.
            valid_data: Validation items; None: nothing is held out.
            callback: Called in the process that writes after each epoch.

        Raises:
            DivergedError: A loss or gradient is NaN or infinite; earlier checkpoints stay.
            FloatingPointError: A score is.
            RunInterruptedError: A signal came; a checkpoint was written.
        """
        self._step = self._make_step(train_data)
        self._callback = callback
        self._validates = valid_data is not None
        self.epochs = self.state.until
        shown = self.experiment.runtime.shows_bars and self.processes.writes
        with (
            TrainingProgress(self.experiment.name, self.epochs, shown) as self._progress,
            watch() as self._signal,
            self.processes.together(),
            self._writing(),
        ):
            if not self.state.finished:
                self._fit(train_data, valid_data)
            self.state.step = 0
            self._checkpoint()
            self._stop_if_told(self._agree(self._signal, False)[0])
        self.model.load_state_dict(self.state.best)

    def _fit(self, train_data: TrainLoader, valid_data: RecBoleHeldOutLoader | None) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*__array_wrap__")
            super().fit(train_data, valid_data, verbose=False, callback_fn=self._tell)

    def _make_step(self, train_data: TrainLoader) -> TrainStep:
        return TrainStep(
            self.model,
            self.optimizer,
            self._loss_of(train_data),
            self.experiment,
            self.processes,
            graphs=self._may_record(),
            layout=lambda: train_data.layout,
        )

    def _loss_of(self, train_data: TrainLoader) -> Callable[[Fields], Tensor]:
        def loss_of(fields: Fields) -> Tensor:
            loss: Tensor = self.model.calculate_loss(Interaction(train_data.expand(fields)))
            return loss * fields[b.SHARE]

        return loss_of

    def _may_record(self) -> bool:
        """Return whether passes can be CUDA graphs: other packages' kernels may not allow it."""
        ours = self.model.packs_histories or self.model.records_graphs
        if sharded_parameters(self.model):  # processes agree on sizes within a pass
            return False
        wanted = self.experiment.runtime.cuda_graphs
        return bool(wanted and self.device.type == "cuda" and ours)

    def _now(self) -> tuple[int, float]:
        return self.state.steps_taken, self._share_done

    def _train_epoch(self, train_data: TrainLoader, epoch_idx: int, *_: Any, **__: Any) -> float:
        state = self.state
        plan = train_data.start(epoch_idx)
        first = state.step
        earlier = state.epoch_seconds
        started = time.perf_counter()
        tally = Tally(self._step.names, epoch_idx, state.tally)
        self._tally = tally
        # Of the epochs that the schedule is made for, of which fewer may be trained.
        epochs = self.experiment.training.epochs
        self._set_learning_rate((epoch_idx + first / len(plan)) / epochs)
        self.model.train()
        self._progress.begin(epoch_idx, first, len(plan))
        with matmul_precision(self.experiment.runtime.precision, self.device):
            for step, parts in enumerate(train_data.parts(first), start=first):
                state.step = step
                state.epoch_seconds = earlier + time.perf_counter() - started
                self._obey()
                self._take(parts, (epoch_idx + (step + 1) / len(plan)) / epochs)
                self._progress.advance(int(plan.targets[step]), tally.loss)
        tally.read()
        seconds = earlier + time.perf_counter() - started
        figures = self._figures(int(plan.targets.sum()), seconds)
        state.training_log.append({c.EPOCH: epoch_idx, **tally.row, **figures})
        state.epoch = epoch_idx + 1
        state.step = 0
        state.tally = None
        state.epoch_seconds = 0.0
        return tally.loss * len(plan)

    def _take(self, parts: list[Fields], share_done: float) -> None:
        """Take a step, after which a share of all epochs is done."""
        self._learning_rate = self.optimizer.param_groups[0]["lr"]
        loss, norms = self._step(parts)
        self.state.steps_taken += 1
        self._set_learning_rate(share_done)
        if self.state.average:
            self.state.average.update()
        self._tally.note(loss, norms)

    def _set_learning_rate(self, share_done: float) -> None:
        """Set that of the step to come."""
        self._share_done = share_done
        if self._schedule is None:
            self._schedule = make_schedule(self.optimizer, self.experiment.training, self._now)
        elif self.state.steps_taken:
            self._schedule.step()

    def _figures(self, targets: int, seconds: float) -> dict[str, float]:
        """Measure what the epoch was, for its row of the log."""
        weights = self._step.norms([x.detach() for x in self._step.parameters])
        return {
            "parameter_norm": float(torch.linalg.vector_norm(weights)),
            "learning_rate": self._learning_rate,
            "train_seconds": seconds,
            "targets_per_second": targets / seconds,
            "memory_gib": peak_memory(self.device) / 2**30,
        }

    def _obey(self) -> None:
        """Between two steps: checkpoint if it is time, stop if a signal has come."""
        if self.processes.count > 1 and self._steps_until_agreed:
            self._steps_until_agreed -= 1
            return
        minutes = (time.monotonic() - self._saved_at) / 60
        due = self._due or minutes > self.experiment.runtime.checkpoint_minutes
        signal, due = self._agree(self._signal, due)
        if signal or due:
            self._checkpoint()
        self._stop_if_told(signal)

    def _stop_if_told(self, signal: int) -> None:
        if signal:
            self.processes.part()
            where = f"epoch {self.state.epoch}, step {self.state.step}"
            again = "the same command resumes from here"
            raise RunInterruptedError(
                f"{self.experiment.name} was interrupted by signal {signal} in {where}"
                + (f": {again}" if self.store else "")
            )

    def _agree(self, signal: Interruption, due: bool) -> tuple[int, bool]:
        """Agree on one decision with the other processes."""
        milliseconds = int((time.monotonic() - self._agreed_at) * 1e3)
        values = [2 * signal.number + due, milliseconds]
        value, longest = self.processes.largest_of(values, self.device)
        self._agreed_at = time.monotonic()
        self._plan_agreement(longest / 1e3)
        return value // 2, bool(value % 2)

    def _plan_agreement(self, seconds: float) -> None:
        """Choose the same step in all processes for the next agreement.

        Args:
            seconds: Since the last one, in the slowest process.
        """
        steps = self._steps_agreed or 1
        wanted = int(AGREE_SECONDS * steps / max(seconds, 1e-3))
        self._steps_agreed = max(1, min(wanted, 2 * steps, AGREE_EVERY))
        self._steps_until_agreed = self._steps_agreed - 1

    def _checkpoint(self) -> None:
        """Capture the training before a step; it is written while the next ones run."""
        if self.state.step:
            self._tally.read()  # never keep weights that a NaN has reached
            self.state.tally = self._tally.state
        self._due = False
        self._saved_at = time.monotonic()
        if self.store is None:
            return
        checkpoint = self.state.state_dict()
        if self.processes.writes:
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

    def _valid_epoch(self, valid_data: RecBoleHeldOutLoader, show_progress: bool = False) -> Any:
        started = time.perf_counter()
        self._progress.begin_validation(len(valid_data))
        with self._evaluating():
            score, metrics = super()._valid_epoch(valid_data)
        self._progress.end_validation()
        row = self.state.training_log[-1]
        row.update({name.replace("hit", "hr").upper(): float(v) for name, v in metrics.items()})
        row["valid_seconds"] = time.perf_counter() - started
        metric = self.experiment.training.valid_metric
        best = float(score) > self.state.best_score
        self._event = EpochEnd(self.experiment.name, row, metric, best)
        return score, metrics

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Have RecBole evaluate the average of the weights, if there is one."""
        learning = self.model
        self.model = self.state.evaluated
        try:
            yield
        finally:
            self.model = learning

    def _tell(self, *_: Any) -> None:
        """Log an epoch and call the callback."""
        row = self._event.row
        if not self.processes.writes:
            return
        if self._validates:
            logger.info(
                "%s epoch %3d: loss %.4f, valid NDCG@10 %.4f, HR@10 %.4f (%s)",
                self.experiment.name,
                *(row[name] for name in (c.EPOCH, "loss", "NDCG@10", "HR@10")),
                spell_seconds(row["train_seconds"] + row["valid_seconds"]),
            )
        else:
            logger.info(
                "%s epoch %3d: loss %.4f, nothing held out (%s)",
                self.experiment.name,
                *(row[name] for name in (c.EPOCH, "loss")),
                spell_seconds(row["train_seconds"]),
            )
        self._callback(self._event)

    def evaluate(self, eval_data: RecBoleHeldOutLoader, *_: Any, **__: Any) -> Any:
        """Rank by RecBole's evaluator under the configured mask."""
        held_out = eval_data.held_out
        masked = self.experiment.training.valid_mask == c.MASKED
        if masked and held_out.split not in self._masks:
            feed = held_out.feed
            mask = HistoryMask(feed.histories, held_out.split, feed.n_users, self.device)
            self._masks[held_out.split] = mask
        self._mask = self._masks.get(held_out.split)
        return super().evaluate(eval_data, load_best_model=False)

    def _full_sort_batch_eval(self, batched_data: Any) -> Any:
        interaction, _, row, target = batched_data
        self._progress.advance_validation()
        scores = full_sort_scores(self.model, interaction, self.tot_item_num)
        if self._mask is not None:
            scores = self._mask.apply(scores, interaction[c.USER], target)
        return interaction, scores, row, target

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **_: Any) -> None:
        """Keep the best weights on the device; RecBole would pickle itself to disk.

        It calls this after each new best, or after each epoch if nothing validates.
        """
        if self._validates:
            self.state.keep_best()
            self._due = True
            return
        row = self.state.training_log[-1]
        row["valid_seconds"] = 0.0
        metric = self.experiment.training.valid_metric
        self._event = EpochEnd(self.experiment.name, row, metric, best=False)
        if self.state.finished:
            self.state.keep_best()
        self._tell()

    def _add_hparam_to_tensorboard(self, best_valid_result: Any) -> None:
        """Write nothing."""

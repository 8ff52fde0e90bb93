"""A training under way: one owner of everything a checkpoint holds."""

from __future__ import annotations

import logging
import math
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.errors import ProjectError
from seqrec.parameters import Training
from seqrec.parameters.training import EARLIER_MEANING, as_earlier
from seqrec.tables.facts import facts_fingerprint
from seqrec.training.average import MovingAverage
from seqrec.training.checkpoints import Checkpoint
from seqrec.training.processes import Processes
from seqrec.training.sharded_items import ShardedItems, sharded_parameters

logger = logging.getLogger(__name__)

IDENTITY = "identity"
"""A checkpoint's record of what it belongs to."""
MAY_CHANGE = {"training.epochs", "training.early_stopping", "training.clip_grad_norm"}
"""A resumed training may be longer or clipped; the rest would make it another experiment."""
_EARLIER = {f"training.{name}": value for name, value in EARLIER_MEANING.items()}


class TrainingState:
    """Weights, optimiser, average, progress and random numbers of a training.

    `state_dict` and `load_state_dict` are the whole of a checkpoint (torchtitan's `Stateful`).

    Args:
        model: What learns, on its device.
        training: How it is trained.
        record: What a checkpoint must share to be resumed from; plain JSON values.
        processes: The processes that train together.
        until: Epochs after which it ends; None for those of `training`.

    Attributes:
        epoch: The epoch under way, from 0.
        step: Steps of it that are done.
        steps_taken: Steps since training began.
        since_best: Validations since the best one.
        best_score: The best validation's metric, −inf before the first.
        best_result: Its metrics by RecBole's names.
        best: Its weights.
        tally: Sums of the epoch under way, from `Tally.state`; None at its start.
        epoch_seconds: Seconds spent in it before the training was resumed.
        training_log: A row per epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        training: Training,
        record: dict[str, Any],
        processes: Processes,
        until: int | None = None,
    ) -> None:
        self.model = model
        self.until = training.epochs if until is None else until
        self.training = training
        self.record = record
        self.processes = processes
        self._names = [name for name, _ in model.named_parameters()]
        self._sharded = sharded_parameters(model)
        self.device = next(model.parameters()).device
        self.optimizer = _make_optimizer(model, training, self.device)
        decay = training.ema_decay
        self.average = None if decay is None else MovingAverage(model, decay)
        self.epoch = 0
        self.step = 0
        self.steps_taken = 0
        self.since_best = 0
        self.best_score = -math.inf
        self.best_result: dict[str, float] = {}
        self.best: dict[str, Tensor] = {}
        self.tally: dict[str, Any] | None = None
        self.epoch_seconds = 0.0
        self.training_log: list[dict[str, float]] = []

    @property
    def finished(self) -> bool:
        """Whether the epochs or the patience are used up."""
        out_of_patience = self.since_best > self.training.early_stopping
        return self.epoch >= self.until or out_of_patience

    @property
    def evaluated(self) -> nn.Module:
        """What is validated and kept: the average of the weights, or the model itself."""
        return self.average.module if self.average else self.model

    def keep_best(self) -> None:
        """Copy the weights that were validated, on the device."""
        weights = self.evaluated.state_dict()
        self.best = {name: value.detach().clone() for name, value in weights.items()}

    def state_dict(self) -> Checkpoint:
        """Describe the training before a step; all processes call it together."""
        tensors = {f"weights/{name}": x for name, x in self.model.state_dict().items()}
        tensors |= {f"best/{name}": x for name, x in self.best.items()}
        tensors |= {f"average/{i}": x for i, x in enumerate(self._averaged())}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{name}": x for name, x in values.items()}
        tensors |= self._random_state()
        whole = {name: self._whole(name, x) for name, x in tensors.items()}
        return Checkpoint(whole, self._values())

    def load_state_dict(self, checkpoint: Checkpoint) -> None:
        """Bring a new training to where the checkpoint was taken.

        Raises:
            ProjectError: The checkpoint is of another experiment; names the difference.
        """
        check_record(checkpoint.state[IDENTITY], self.record)
        own = {name: self._own(name, x) for name, x in checkpoint.tensors.items()}
        checkpoint = Checkpoint(own, checkpoint.state)
        self.model.load_state_dict(_below("weights", checkpoint))
        best = _below("best", checkpoint)
        self.best = {name: x.to(self.device) for name, x in best.items()}
        for index, x in _below("average", checkpoint).items():
            self._averaged()[int(index)].copy_(x)
        self._load_optimizer(_below("optimizer", checkpoint))
        self._load_random_state(_below("random", checkpoint))
        self._load_values(checkpoint.state)

    def _shards_of(self, name: str) -> ShardedItems | None:
        """Tell whether a checkpoint's tensor has rows that processes share out, and which."""
        folder, _, rest = name.partition("/")
        if folder in ("weights", "best"):
            return self._sharded.get(rest)
        index, _, key = rest.partition("/")
        if folder == "average" or (folder == "optimizer" and key != "step"):
            return self._sharded.get(self._names[int(index)])
        return None

    def _whole(self, name: str, x: Tensor) -> Tensor:
        """Copy a tensor to the host, with the rows of all processes."""
        shards = self._shards_of(name)
        return shards.whole(x) if shards else _on_host(x)

    def _own(self, name: str, x: Tensor) -> Tensor:
        """Take this process's rows of a checkpoint's tensor, which has all."""
        shards = self._shards_of(name)
        return x[shards.own] if shards else x

    def _values(self) -> dict[str, Any]:
        """Everything that is a number or a word; plain JSON values."""
        within = self.step > 0
        return {
            IDENTITY: self.record,
            "finished": self.finished,
            "epoch": self.epoch,
            "step": self.step,
            "steps_taken": self.steps_taken,
            "tally": self.tally if within else None,
            "epoch_seconds": self.epoch_seconds if within else 0.0,
            "since_best": self.since_best,
            "best_score": self.best_score if self.best else None,
            "best_result": dict(self.best_result),
            "history": [dict(row) for row in self.training_log],
        }

    def _load_values(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        self.step = state["step"]
        self.steps_taken = state["steps_taken"]
        self.since_best = state["since_best"]
        self.tally = state["tally"]
        self.epoch_seconds = state["epoch_seconds"]
        self.best_score = -math.inf if state["best_score"] is None else state["best_score"]
        self.best_result = state["best_result"]
        self.training_log = state["history"]

    def _averaged(self) -> list[Tensor]:
        parameters = self.average.module.parameters() if self.average else ()
        return [parameter.detach() for parameter in parameters]

    def _load_optimizer(self, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, x in tensors.items():
            index, key = name.split("/")
            state.setdefault(int(index), {})[key] = x
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})

    def _random_state(self) -> dict[str, Tensor]:
        """Take the generators' states of every process, one row each."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return {f"random/{k}": self.processes.gather(x[None]) for k, x in states.items()}

    def _load_random_state(self, states: dict[str, Tensor]) -> None:
        process = self.processes.index
        if len(states["cpu"]) <= process:
            return  # resumed with more processes: their random numbers are their own anyway
        # Copies: torch reads the memory behind a row from where the whole tensor begins.
        torch.set_rng_state(states["cpu"][process].clone())
        if self.device.type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"][process].clone(), self.device)


def check_record(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Refuse to resume another experiment.

    Raises:
        ProjectError: Names the first parameter that differs, and both values.
    """
    if "data" not in theirs and ours.get("data"):
        logger.warning(
            "the checkpoint of %s does not say which items were held out: if data_processing was "
            "changed since, start anew (--params resume=false)",
            theirs["name"],
        )
    difference = first_difference(theirs, ours)
    if difference:
        raise ProjectError(
            f"cannot resume: the checkpoint has {theirs['name']}.{difference}; set it back, or "
            "start anew without resume=true"
        )


def first_difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Name the first parameter in which two experiments differ, with both values.

    Args:
        theirs: A checkpoint's record; what it lacks because it is older does not count.
        ours: This training's.
    """
    then = {**_EARLIER, **_leaves(theirs)}
    now = {**_EARLIER, **_leaves(ours)}
    if "data" not in then:
        now.pop("data", None)
    told = {"ids": "other users or items, this run these", "data": "other held-out items"}
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name) and name not in MAY_CHANGE:
            values = f"{then.get(name)}, this run {now.get(name)}"
            return f"{name} = {told.get(name, values)}"
    return None


def experiment_key(record: dict[str, Any]) -> str:
    """Hash an experiment: equal for trainings that can resume from each other.

    Those of earlier versions keep their keys.
    """
    leaves = _leaves({**record, "training": as_earlier(record.get("training", {}))})
    return facts_fingerprint({k: v for k, v in leaves.items() if k not in MAY_CHANGE})


def _make_optimizer(
    model: nn.Module, training: Training, device: torch.device
) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        model.parameters(),
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        fused=device.type == "cuda" or None,
    )


def _below(folder: str, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the tensors named ``folder/…`` by the rest of their name."""
    start = f"{folder}/"
    return {k[len(start) :]: x for k, x in checkpoint.tensors.items() if k.startswith(start)}


def _leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _leaves(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _on_host(x: Tensor) -> Tensor:
    """Copy a tensor to the host: the training continues while it is written."""
    return x.detach().to("cpu", copy=True).contiguous()

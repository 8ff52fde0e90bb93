"""A training under way as a checkpoint, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    from seqrec.recbole_bridge.trainer import BridgeTrainer

MAY_CHANGE = {"training.epochs", "training.early_stopping", "training.clip_grad_norm"}
"""A resumed training may be longer or clipped; the rest would make it another experiment."""


def capture(trainer: BridgeTrainer, epoch: int, step: int) -> Checkpoint:
    """Describe a training before a step; all processes call it together.

    Args:
        trainer: What is training.
        epoch: The epoch it is in.
        step: Steps of it that are done.
    """
    tensors = {f"weights/{name}": x for name, x in trainer.model.state_dict().items()}
    tensors |= {f"best/{name}": x for name, x in trainer.best.items()}
    if trainer.average:
        tensors |= {f"average/{i}": x for i, x in enumerate(trainer.average.values)}
    for index, values in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": x for name, x in values.items()}
    tensors |= _random_state(trainer)
    state = {
        "identity": trainer.identity,
        "finished": trainer.finished,
        "epoch": epoch,
        "step": step,
        "steps_taken": trainer.steps_taken,
        "tally": trainer.tally.state if step else None,
        "epoch_seconds": trainer.epoch_seconds if step else 0.0,
        "since_best": trainer.cur_step,
        "best_score": trainer.best_valid_score if trainer.best else None,
        "best_result": dict(trainer.best_valid_result or {}),
        "history": trainer.history,
    }
    return Checkpoint({name: _own(x) for name, x in tensors.items()}, state)


def restore(trainer: BridgeTrainer, checkpoint: Checkpoint) -> None:
    """Bring a new trainer to where the checkpoint was taken.

    Raises:
        ProjectError: The checkpoint is of another experiment; names the difference.
    """
    state = checkpoint.state
    check_identity(state["identity"], trainer.identity)
    trainer.model.load_state_dict(_below("weights", checkpoint))
    trainer.best = {name: x.to(trainer.device) for name, x in _below("best", checkpoint).items()}
    if trainer.average:
        for index, x in _below("average", checkpoint).items():
            trainer.average.values[int(index)].copy_(x)
    _restore_optimizer(trainer.optimizer, _below("optimizer", checkpoint))
    _restore_random_state(trainer, _below("random", checkpoint))
    trainer.start_epoch, trainer.start_step = state["epoch"], state["step"]
    trainer.steps_taken, trainer.cur_step = state["steps_taken"], state["since_best"]
    trainer.start_tally, trainer.start_seconds = state["tally"], state["epoch_seconds"]
    trainer.best_valid_score = -math.inf if state["best_score"] is None else state["best_score"]
    trainer.best_valid_result, trainer.history = state["best_result"], state["history"]


def check_identity(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Refuse to go on with another experiment.

    Raises:
        ProjectError: Names the first parameter that differs, and both values.
    """
    then, now = _leaves(theirs), _leaves(ours)
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name) and name not in MAY_CHANGE:
            before = then.get(name) if name != "ids" else "other users or items"
            present = now.get(name) if name != "ids" else "these"
            raise ProjectError(
                f"cannot resume: the checkpoint has {theirs['name']}.{name} = {before}, this run "
                f"{present}; set it back, or start anew without resume=true"
            )


def _random_state(trainer: BridgeTrainer) -> dict[str, Tensor]:
    """Take the generators' states of every process, one row each."""
    states = {"cpu": torch.get_rng_state()}
    if trainer.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(trainer.device)
    return {f"random/{k}": trainer.ranks.gather(x[None]) for k, x in states.items()}


def _restore_random_state(trainer: BridgeTrainer, states: dict[str, Tensor]) -> None:
    rank = trainer.ranks.rank
    if len(states["cpu"]) <= rank:
        return  # resumed with more processes: their random numbers are their own anyway
    torch.set_rng_state(states["cpu"][rank])
    if trainer.device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"][rank], trainer.device)


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, x in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = x
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


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


def _own(x: Tensor) -> Tensor:
    """Copy a tensor to the host: the training goes on while it is written."""
    return x.detach().to("cpu", copy=True).contiguous()

"""Where a training begins: at the start, or where the same training was interrupted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.engine.locks import OwnedLock
from seqrec.errors import ProjectError
from seqrec.parameters.base import Resume
from seqrec.training.checkpoints import Checkpoint, CheckpointStore
from seqrec.training.state import IDENTITY, TrainingState, experiment_key, first_difference

logger = logging.getLogger(__name__)


def store_of(root: CheckpointStore, state: TrainingState) -> CheckpointStore:
    """Give each experiment a folder of its own: trainings never meet each other's checkpoints.

    Args:
        root: The model's folder.
        state: The training.
    """
    return CheckpointStore(root.folder / f"experiment-{experiment_key(state.record)}")


def begin(state: TrainingState, root: CheckpointStore, resume: Resume, name: str) -> None:
    """Bring a training to where it begins.

    Args:
        state: A new training.
        root: The model's folder of checkpoints.
        resume: True, False or ``auto``.
        name: The model, for messages.

    Raises:
        ProjectError: ``resume`` is True and what was interrupted is another experiment.
    """
    own = store_of(root, state)
    if resume is False:
        _set_aside(own, state, name)
        return
    checkpoint = own.newest() or _earlier_layout(root, state, resume)
    if checkpoint is None:
        if resume is True:
            logger.warning("%s has no checkpoint to resume from: it starts anew", name)
        return
    state.load_state_dict(checkpoint)
    if state.finished:
        logger.info(
            "%s was trained before with this configuration on this data, %d epochs: it is not "
            "trained again (--params resume=false would)",
            name,
            state.epoch,
        )
    else:
        logger.info("%s resumes in epoch %d, step %d", name, state.epoch, state.step)


def _earlier_layout(
    root: CheckpointStore, state: TrainingState, resume: Resume
) -> Checkpoint | None:
    """Read a checkpoint from before experiments had folders, if it is of this one."""
    checkpoint = root.newest()
    if checkpoint is None:
        return None
    difference = first_difference(checkpoint.state[IDENTITY], state.record)
    if difference is None or (resume is True and not checkpoint.state["finished"]):
        return checkpoint  # loading it names the difference
    return None


def _set_aside(own: CheckpointStore, state: TrainingState, name: str) -> None:
    if not state.processes.writes:
        return
    aside = own.set_aside()
    if aside:
        logger.warning(
            "%s starts anew; the checkpoints of an earlier, unfinished training are now in %s "
            "(without resume=false it would have been resumed)",
            name,
            aside,
        )


@contextmanager
def only_training(root: CheckpointStore, state: TrainingState, name: str) -> Iterator[None]:
    """Refuse a second training of the same experiment in the same folder while the block runs.

    Raises:
        ProjectError: Names the process that trains it.
    """
    if not state.processes.writes:
        yield
        return
    folder = store_of(root, state).folder
    lock = OwnedLock(folder.with_name(f"{folder.name}.lock"))
    if not lock.acquire(0):
        raise ProjectError(
            f"{name} is being trained with this configuration by {lock.owner()} in "
            f"{root.folder}: wait for it, or give this run a folder of its own (--params data=…)"
        )
    try:
        yield
    finally:
        lock.release()

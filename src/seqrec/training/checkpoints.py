"""Checkpoints of a training under way: safetensors and JSON, each whole or not there."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.engine.atomic_write import new_directory

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

TENSORS, STATE = "tensors.safetensors", "state.json"
KEPT = 2
"""Checkpoints that stay: the newest, and the one before in case it is damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """A moment of training.

    Attributes:
        tensors: Weights, optimiser and random state, by name.
        state: Everything that is a number or a word; plain JSON values.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


@dataclass(frozen=True)
class CheckpointStore:
    """A folder of checkpoints, numbered in the order in which they were written."""

    folder: Path

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint beside the earlier ones, then drop all but the newest.

        None is ever replaced, not even by one of the same step, as a resumed training writes:
        killed at any moment, this leaves the earlier ones as they were.
        """
        from safetensors.torch import save_file

        newest = self.names()[:1]
        number = _number(newest[0]) + 1 if newest else 0
        with new_directory(self.folder / f"{number:08d}") as scratch:
            save_file(checkpoint.tensors, scratch / TENSORS)
            state = {**checkpoint.state, "sha256": _digest(scratch / TENSORS)}
            (scratch / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
        for old in self.names()[KEPT:]:
            shutil.rmtree(self.folder / old)
        for torn in self.folder.glob(".*"):
            shutil.rmtree(torn)

    def newest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is whole; name those that are not."""
        for name in self.names():
            try:
                return self._read(self.folder / name)
            except (OSError, ValueError, KeyError) as error:
                logger.warning(
                    "checkpoint %s is damaged (%s): trying the one before",
                    self.folder / name, error,
                )  # fmt: skip
        return None

    def set_aside(self) -> Path | None:
        """Make way for a new training: an unfinished one's checkpoints are moved, not deleted.

        Returns:
            Where they are; None if there were none, or only those of a finished training.
        """
        last = self.newest()
        if last is None or last.state["finished"]:
            shutil.rmtree(self.folder, ignore_errors=True)
            return None
        aside = self.folder.with_name(f"{self.folder.name}-before")
        shutil.rmtree(aside, ignore_errors=True)
        return self.folder.replace(aside)

    def names(self) -> list[str]:
        """Names from new to old."""
        return sorted((path.name for path in self._folders()), key=_number, reverse=True)

    def _folders(self) -> Iterator[Path]:
        return self.folder.glob("[0-9]*") if self.folder.is_dir() else iter(())

    def _read(self, folder: Path) -> Checkpoint:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if state.pop("sha256") != _digest(folder / TENSORS):
            raise ValueError(f"{TENSORS} is not what was written")
        try:
            return Checkpoint(load_file(folder / TENSORS), state)
        except SafetensorError as error:
            raise ValueError(str(error)) from error


def _number(name: str) -> int:
    # Unfinished trainings of before have names of epoch and step; they are older than any number.
    return int(name.split("-")[0])


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

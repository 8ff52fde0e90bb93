"""Checkpoints of a training under way: safetensors and JSON, each whole or not there."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.engine.atomic_write import new_directory
from seqrec.errors import ProjectError

# torch takes seconds to import: kedro-viz and `kedro registry list` do without.
if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

TENSORS, STATE, SUMS = "tensors.safetensors", "state.json", "SHA256SUMS"
KEPT = 2
"""Checkpoints that stay: the newest, and the one before in case it is damaged."""

_NAME = re.compile(r"\d+(-\d+)?")
_DAMAGE = (OSError, ValueError, KeyError)


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
    """A folder of checkpoints, numbered in the order in which they were written.

    What cannot be read is never removed: it moves to a folder beside this one, under a number.
    """

    folder: Path

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint beside the earlier ones, then drop all but the newest.

        None is ever replaced, not even by one of the same step, as a resumed training writes:
        killed at any moment, this leaves the earlier ones as they were.

        Raises:
            ProjectError: It cannot be written; the earlier ones stay.
        """
        from safetensors import SafetensorError

        newest = self.names()[:1]
        number = _number(newest[0]) + 1 if newest else 0
        target = self.folder / f"{number:08d}"
        try:
            _write(checkpoint, target)
        except (OSError, SafetensorError) as error:
            raise ProjectError(
                f"checkpoint {target} cannot be written ({error}): make room and resume; the "
                "earlier checkpoints are as they were"
            ) from error
        try:
            self._drop_all_but(KEPT)
        except OSError as error:
            logger.warning("older checkpoints in %s cannot be removed (%s)", self.folder, error)
        for torn in self.folder.glob(".*"):
            shutil.rmtree(torn, ignore_errors=True)

    def newest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is whole; name those that are not."""
        for name in self.names():
            try:
                return _read(self.folder / name)
            except _DAMAGE as error:
                logger.warning(
                    "checkpoint %s is damaged (%s): trying the one before",
                    self.folder / name,
                    error,
                )
        return None

    def set_aside(self) -> Path | None:
        """Make way for a new training: an unfinished one's checkpoints are moved, not deleted.

        Returns:
            Where they are; None if there were none, or only those of a finished training.

        Raises:
            ProjectError: They cannot be moved.
        """
        if not self.names():
            return None
        last = self.newest()
        try:
            if last is None or not last.state.get("finished"):
                return self.folder.replace(self._free_name())
            self._drop_all_but(0)
        except OSError as error:
            raise ProjectError(
                f"{self.folder} cannot make way for a new training ({error})"
            ) from error
        return None

    def names(self) -> list[str]:
        """Names from new to old."""
        return sorted((path.name for path in self._folders()), key=_number, reverse=True)

    def _folders(self) -> Iterator[Path]:
        below = self.folder.iterdir() if self.folder.is_dir() else iter(())
        return (path for path in below if _NAME.fullmatch(path.name))

    def _drop_all_but(self, kept: int) -> None:
        """Remove checkpoints but for the newest; those that cannot be read move away."""
        whole = 0
        for name in self.names():
            path = self.folder / name
            try:
                _verify(path)
            except _DAMAGE as error:
                self._move_away(path, error)
                continue
            whole += 1
            if whole > kept:
                _remove(path)

    def _move_away(self, path: Path, error: Exception) -> None:
        aside = self._free_name()
        aside.mkdir()
        kept = path.replace(aside / path.name)
        logger.warning("checkpoint %s cannot be read (%s): kept as %s", path, error, kept)

    def _free_name(self) -> Path:
        """Name a folder beside this one that does not exist, with a number after all others'."""
        start = f"{self.folder.name}-before-"
        others = (path.name for path in self.folder.parent.iterdir())
        ends = (name.removeprefix(start) for name in others if name.startswith(start))
        number = 1 + max((int(end) for end in ends if end.isdecimal()), default=0)
        return self.folder.with_name(f"{start}{number}")


def _write(checkpoint: Checkpoint, target: Path) -> None:
    """Write tensors, state, and the checksums of both as ``sha256sum -c`` reads them."""
    from safetensors.torch import save_file

    with new_directory(target) as scratch:
        save_file(checkpoint.tensors, scratch / TENSORS)
        (scratch / STATE).write_text(json.dumps(checkpoint.state, indent=1), encoding="utf-8")
        sums = (f"{_digest(scratch / name)}  {name}\n" for name in (TENSORS, STATE))
        (scratch / SUMS).write_text("".join(sums), encoding="utf-8")


def _read(folder: Path) -> Checkpoint:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state = _verify(folder)
    try:
        return Checkpoint(load_file(folder / TENSORS), state)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _verify(folder: Path) -> dict[str, Any]:
    """Hold a checkpoint against its checksums.

    Returns:
        Its state.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not what was written.
        KeyError: It has no checksum.
    """
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    if not isinstance(state, dict):
        raise ValueError(f"{STATE} holds no state")
    # Earlier versions wrote one checksum, inside the state.
    found = _sums(folder) if os.path.lexists(folder / SUMS) else {TENSORS: state.pop("sha256")}
    for name, digest in found.items():
        if _digest(folder / name) != digest:
            raise ValueError(f"{name} is not what was written")
    return state


def _sums(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if sums.keys() != {TENSORS, STATE}:
        raise ValueError(f"{SUMS} is not what was written")
    return sums


def _remove(path: Path) -> None:
    """Remove a checkpoint; killed meanwhile, this leaves none that is half there."""
    hidden = path.replace(path.with_name(f".{path.name}.old"))
    shutil.rmtree(hidden, ignore_errors=True)


def _number(name: str) -> int:
    # Earlier versions named checkpoints by epoch and step; they are older than any number.
    return int(name.split("-")[0])


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

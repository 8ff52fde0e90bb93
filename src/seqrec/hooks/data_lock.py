"""Runs take turns with the data of one name: none reads or publishes rows of another's making."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from seqrec.engine.locks import OwnedLock
from seqrec.hooks.run_facts import dataset_name

DATA = frozenset({"ratings", "interactions", "interaction_stats", "atomic_files"})
"""What runs share below a dataset's name. Some have one place, and all belong together."""

LOCK = "data.lock"


class DataLockHooks:
    """Lock the data while they are made, and while a run chooses those that it reads.

    Versions are never changed once they are there: whoever has chosen one needs no lock.
    """

    def __init__(self) -> None:
        self._lock: OwnedLock | None = None
        self._held = False
        self._making: frozenset[str] = frozenset()

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> Generator[None, Any, Any]:
        """Have all checks and choices made while nobody else makes data."""
        self._lock = _lock_of(pipeline, catalog)
        self._what = f"the data of {dataset_name(catalog)} are being made"
        self._run = f"run {run_params['run_id']}"
        self._making = _first_nodes(pipeline)
        self._take()
        try:
            return (yield)
        except BaseException:
            self._give_back(forget=True)
            raise

    def chosen(self) -> None:
        """Give the lock back if this run only reads: what it reads has been chosen."""
        if not self._making:
            self._give_back()

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Give the lock back as soon as what follows makes no data."""
        if node.name in self._making:
            self._take()
        else:
            self._give_back()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Give the lock back."""
        self._give_back()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Give the lock back."""
        self._give_back()

    def _take(self) -> None:
        if self._lock is not None and not self._held:
            self._lock.wait(self._what, self._run)
            self._held = True

    def _give_back(self, forget: bool = False) -> None:
        if self._lock is not None and self._held:
            self._lock.release(forget)
            self._held = False


class DataChosenHooks:
    """Called when all checks and choices are made: give the lock back if the run makes no data.

    Args:
        lock: Has the lock.
    """

    def __init__(self, lock: DataLockHooks) -> None:
        self._lock = lock

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Let others go on before W&B and Discord are asked."""
        self._lock.chosen()


def _lock_of(pipeline: Pipeline, catalog: DataCatalog) -> OwnedLock | None:
    """Find the lock of the data that a run reads or makes; None if it does neither."""
    if not DATA.intersection(map(_plain, pipeline.datasets())) or "ratings" not in catalog:
        return None
    ratings: Any = catalog.get("ratings")
    return OwnedLock(Path(str(ratings._filepath)).with_name(LOCK))


def _first_nodes(pipeline: Pipeline) -> frozenset[str]:
    """Name the nodes up to the last that makes data."""
    names = [node.name for node in pipeline.nodes]
    makes = [bool(DATA.intersection(map(_plain, node.outputs))) for node in pipeline.nodes]
    last = max((place for place, made in enumerate(makes) if made), default=-1)
    return frozenset(names[: last + 1])


def _plain(name: str) -> str:
    return name.split("@")[0]  # interactions@pandas: one file, several ways to read it

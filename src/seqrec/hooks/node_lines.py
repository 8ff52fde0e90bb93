"""A line for each node of a run: its number of all, its time, and what it made."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.text import Text

from seqrec.hooks.log_lines import ROWS
from seqrec.hooks.provenance import named_experiment
from seqrec.hooks.run_facts import dataset_name, first_process
from seqrec.parameter_tree import Parameters
from seqrec.terminal.bars import WaitingBar
from seqrec.terminal.words import count, spell_seconds

logger = logging.getLogger(__name__)

NAME_WIDTH = 40
"""Most columns for a node's name."""

TIME_WIDTH = 10
COUNTED = ("users", "items", "interactions")


class NodeLineHooks:
    """Say what each node took and made; show a bar while one takes long."""

    def __init__(self) -> None:
        self._bar: WaitingBar | None = None
        self._node: Node | None = None
        self._made: list[tuple[str, str]] = []

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters; `PreflightHooks` has checked them."""
        self._parameters = Parameters.model_validate(context.config_loader["parameters"])

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Say what is run on what."""
        names = [node.name for node in pipeline.nodes]
        self._places = {name: place for place, name in enumerate(names, start=1)}
        self._name_width = min(max(map(len, names), default=0), NAME_WIDTH)
        self._began = time.monotonic()
        logger.info(
            "Run %s: %s, environment %s%s, %s",
            run_params["run_id"],
            dataset_name(catalog) if "ratings_raw" in catalog else "no data",
            run_params["env"] or "smoke",
            "".join(f", experiment {name}" for name in named_experiment(run_params).values()),
            count(len(names), "node"),
        )

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """Begin with a node: loading may take the longest."""
        self._begin(node)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Let the engine tell how far it is; a node that prints gets its line above that."""
        self._begin(node)
        if self._bar and not self._bar.disable:
            self._bar.share = _share_of(inputs)
        if not node.outputs:
            self._end()

    @hook_impl(trylast=True)
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """End with a node once all that it made is kept."""
        name = dataset_name.removeprefix(f"{node.namespace}.").split("@")[0]
        self._made.append((name, _size_of(data)))
        if len(self._made) == len(node.outputs):
            self._end()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Say how long it took."""
        seconds = spell_seconds(time.monotonic() - self._began)
        logger.info("%s in %s", count(len(self._places), "node"), seconds)

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Wipe the bar away."""
        self._stop()

    def _begin(self, node: Node) -> None:
        if node is self._node:
            return
        self._stop()
        self._node, self._made, self._since = node, [], time.monotonic()
        shown = self._parameters.runtime.shows_bars and first_process()
        self._bar = WaitingBar(f"{self._place(node)} {node.name}", shown)
        self._bar.start()

    def _end(self) -> None:
        node = self._node
        if node is None:
            return
        self._stop()
        begun = f"{self._place(node)} {node.name:{self._name_width}}"
        seconds = f"{spell_seconds(time.monotonic() - self._since):>{TIME_WIDTH}}"
        names = ", ".join(name for name, _ in self._made)
        sizes = ", ".join(f"{name} ({size})" if size else name for name, size in self._made)
        rows = [Text.assemble(begun, (seconds, "cyan"), "  ", (x, "dim")) for x in (sizes, names)]
        logger.info("%s%s  %s", begun, seconds, sizes, extra={ROWS: rows})

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = None
        self._node = None

    def _place(self, node: Node) -> str:
        total = len(self._places)
        return f"{self._places.get(node.name, 0):{len(str(total))}}/{total}"


def _size_of(data: Any) -> str:
    """Tell how much was made, where that needs no counting."""
    # A node has made something: both are imported already.
    import pandas as pd

    from seqrec.models.artifact import ModelArtifact

    if isinstance(data, pd.DataFrame):
        return f"{len(data):,} rows"
    if isinstance(data, ModelArtifact):
        return f"{sum(weight.numel() for weight in data.weights.values()):,} numbers"
    if isinstance(data, Mapping) and set(COUNTED) <= data.keys():
        return ", ".join(f"{data[name]:,} {name}" for name in COUNTED)
    return ""


def _share_of(inputs: Mapping[str, Any]) -> Any:
    """Find whom to ask how far a node is: the engine, if one computes for it."""
    from seqrec.engine.connection import share_done_of

    return share_done_of(inputs.values())

"""Several processes of one run (``torchrun … -m kedro run``): only the first writes and logs."""

from __future__ import annotations

import logging
import os

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from seqrec.errors import ProjectError, own_error
from seqrec.hooks.run_facts import first_process
from seqrec.services import one_line


class DistributedHooks:
    """Keep every process but the first from writing what the first writes."""

    @hook_impl
    def after_context_created(self) -> None:
        """Silence the other processes' log lines."""
        if not first_process():
            logging.disable(logging.WARNING)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Let the other processes know: they would wait for this one."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return
        from seqrec.training.processes import tell_failure

        tell_failure(one_line(own_error(error) or error))

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check that the pipeline can be shared; keep the others' outputs in memory.

        Raises:
            ProjectError: A node is not about training: each process would repeat it.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return
        alone = sorted(node.name for node in pipeline.nodes if "training" not in node.tags)
        if alone:
            raise ProjectError(
                f"torchrun shares training only, and {alone[0]} would run in every process: "
                "run the data pipelines without it, then torchrun … --pipeline train_<model>"
            )
        if not first_process():
            for name in pipeline.all_outputs():
                catalog[name] = MemoryDataset()

"""The last line of a run that compares models: where to look."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.artefacts.latest import show_latest
from seqrec.project import locate

REPORT = "report"


class ReportHooks:
    """Name the report that a run has made."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print its path, in one piece for a terminal to open."""
        if REPORT not in pipeline.all_outputs():
            return
        path = locate(catalog.get(REPORT))
        show_latest(path)
        here = Path.cwd()
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        click.echo(f"Report: {shown} (open it in a browser; `make viz` shows the lineage)")

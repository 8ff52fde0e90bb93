"""Artefacts learn their names, so that what is damaged can say which command makes it anew."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.datasets.versions import ManifestDataset


class ArtefactHooks:
    """Tell the artefacts of a run what they are called: Kedro does not."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Name every artefact that the run reads or writes."""
        for name in pipeline.datasets():
            dataset = catalog.get(name)
            if isinstance(dataset, ManifestDataset):
                dataset.name = name

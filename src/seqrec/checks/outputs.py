"""Every result can be written."""

from __future__ import annotations

import os
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from seqrec.errors import ProjectError


def check_outputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a dataset the catalog does not know, or one below a folder that cannot be written.

    Raises:
        ProjectError: Names the dataset or the folder.
    """
    for name in sorted(pipeline.all_outputs()):
        if name not in catalog:
            raise ProjectError(f"{name} is not in the catalog: its result would be lost")
        if path := getattr(catalog.get(name), "_filepath", None):
            folder = next(above for above in Path(str(path)).absolute().parents if above.exists())
            if not (folder.is_dir() and os.access(folder, os.W_OK)):
                raise ProjectError(f"{name} cannot be written: {folder} is no folder to write to")

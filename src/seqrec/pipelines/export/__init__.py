"""Trained models as programs, in a folder for a hub."""

from seqrec.pipelines.export.pipeline import create_pipeline

__all__ = ["create_pipeline"]

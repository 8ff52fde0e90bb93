"""Interactions to RecBole's atomic files."""

from seqrec.pipelines.recbole_format.pipeline import create_pipeline

__all__ = ["create_pipeline"]

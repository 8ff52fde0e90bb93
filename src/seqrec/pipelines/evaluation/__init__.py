"""Ranks to metrics, their intervals, plots and the report."""

from seqrec.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]

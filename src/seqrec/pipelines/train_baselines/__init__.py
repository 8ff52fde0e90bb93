"""Train and rank the baselines."""

from seqrec.pipelines.train_baselines.pipeline import create_pipeline

__all__ = ["create_pipeline"]

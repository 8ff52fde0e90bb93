"""Train NCF and rank the held-out items with it."""

from seqrec.pipelines.train_ncf.pipeline import create_pipeline

__all__ = ["create_pipeline"]

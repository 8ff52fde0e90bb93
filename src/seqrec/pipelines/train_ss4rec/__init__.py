"""Train SS4Rec and rank the held-out items with it."""

from seqrec.pipelines.train_ss4rec.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""Lists for users from a saved model."""

from seqrec.pipelines.recommend.pipeline import create_pipeline

__all__ = ["create_pipeline"]

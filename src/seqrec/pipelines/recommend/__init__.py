"""Lists for users from a saved model."""

from seqrec.pipelines.recommend.pipeline import create_everyone_pipeline, create_pipeline

__all__ = ["create_everyone_pipeline", "create_pipeline"]

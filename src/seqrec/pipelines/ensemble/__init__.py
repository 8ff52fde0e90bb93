"""Several trainings ranked as one, and lists from them."""

from seqrec.pipelines.ensemble.pipeline import create_pipeline, create_recommend_pipeline

__all__ = ["create_pipeline", "create_recommend_pipeline"]

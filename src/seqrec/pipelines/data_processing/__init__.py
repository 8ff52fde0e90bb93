"""Raw ratings to interactions with the held-out items marked once."""

from seqrec.pipelines.data_processing.pipeline import create_pipeline

__all__ = ["create_pipeline"]

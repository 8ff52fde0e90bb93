"""Lists for every user, however many they are."""

from seqrec.pipelines.lists.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""Every training there is in one table: models, seeds and ablations."""

from seqrec.pipelines.leaderboard.pipeline import create_pipeline

__all__ = ["create_pipeline"]

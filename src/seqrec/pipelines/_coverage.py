"""What the intervals of models cover: users, and the seeds of those that are trained."""

from __future__ import annotations

from seqrec.metrics.statistics import covers
from seqrec.model_registry import RANKERS


def coverage_of(**seeds: int) -> str:
    """Say what an interval of models' means, or of their difference, covers.

    Args:
        **seeds: Trainings of each model by its label; those of baselines do not count.

    >>> coverage_of(ss4rec=3), coverage_of(ss4rec=3, popularity=1), coverage_of(ss4rec=3, ncf=1)
    ('users and seeds', 'users and seeds', 'users only')
    """
    return covers(*(None if model in RANKERS else n for model, n in seeds.items()))

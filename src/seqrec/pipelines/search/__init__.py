"""Search for hyper-parameters, for every model that is searchable."""

from seqrec.pipelines.search.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""Search for hyper-parameters: ``search_ss4rec`` and ``search_ncf``."""

from seqrec.pipelines.search.pipeline import SEARCHES, create_pipeline

__all__ = ["SEARCHES", "create_pipeline"]

"""Pipeline ``train_ncf``: the training template in the namespace ``ncf``."""

from kedro.pipeline import Pipeline

from seqrec.pipelines._training import create_training_pipeline
from seqrec.pipelines.train_ncf.nodes import train_ncf


def create_pipeline() -> Pipeline:
    """Build atomic files → NCF's weights, history and target ranks."""
    return create_training_pipeline("ncf", train_ncf)

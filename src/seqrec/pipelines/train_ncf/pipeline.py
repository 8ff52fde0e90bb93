"""Pipeline ``train_ncf``: the training template in the namespace ``ncf``."""

from kedro.pipeline import Pipeline

from seqrec.parameters import NCFModel
from seqrec.pipelines._training import create_training_pipeline


def create_pipeline() -> Pipeline:
    """Build atomic files → NCF's weights, history and target ranks."""
    return create_training_pipeline("ncf", NCFModel)

"""Pipeline ``train_ss4rec``: the training template in the namespace ``ss4rec``."""

from kedro.pipeline import Pipeline

from seqrec.parameters import SS4RecModel
from seqrec.pipelines._training import create_training_pipeline


def create_pipeline() -> Pipeline:
    """Build atomic files → SS4Rec's weights, history and target ranks."""
    return create_training_pipeline("ss4rec", SS4RecModel)

"""Pipeline ``train_ss4rec``: the training template in the namespace ``ss4rec``."""

from kedro.pipeline import Pipeline

from seqrec.pipelines._training import create_training_pipeline
from seqrec.pipelines.train_ss4rec.nodes import train_ss4rec


def create_pipeline() -> Pipeline:
    """Build atomic files → SS4Rec's weights, history and target ranks."""
    return create_training_pipeline("ss4rec", train_ss4rec)

"""The project's pipelines by name.

The list is written out: Kedro's ``find_pipelines`` imports only the packages named on the command
line, so a registry that composes what it found would fail on ``kedro run --pipelines``.
"""

from kedro.pipeline import Pipeline

from seqrec.pipelines import (
    data_processing,
    evaluation,
    recbole_format,
    train_ncf,
    train_ss4rec,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name, and their sum as ``__default__``."""
    pipelines = {
        "data_processing": data_processing.create_pipeline(),
        "recbole_format": recbole_format.create_pipeline(),
        "train_ss4rec": train_ss4rec.create_pipeline(),
        "train_ncf": train_ncf.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), start=Pipeline([]))}

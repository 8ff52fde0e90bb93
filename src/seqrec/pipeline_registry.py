"""The project's pipelines by name.

The list is written out: Kedro's ``find_pipelines`` imports only the packages named on the command
line, so a registry that composes what it found would fail on ``kedro run --pipelines``.
"""

from kedro.pipeline import Pipeline

from seqrec.pipelines import (
    data_processing,
    evaluation,
    recbole_format,
    search,
    train_ncf,
    train_ss4rec,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name; ``__default__`` is all but the searches."""
    pipelines = {
        "data_processing": data_processing.create_pipeline(),
        "recbole_format": recbole_format.create_pipeline(),
        "train_ss4rec": train_ss4rec.create_pipeline(),
        "train_ncf": train_ncf.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
    }
    searches = {f"search_{model}": search.create_pipeline(model) for model in search.SEARCHES}
    default = sum(pipelines.values(), start=Pipeline([]))
    return {**pipelines, **searches, "__default__": default}

"""The project's pipelines by name.

The list is written out: Kedro's ``find_pipelines`` imports only the packages named on the command
line, so a registry that composes what it found would fail on ``kedro run --pipelines``.
"""

from kedro.pipeline import Pipeline

from seqrec.pipelines import (
    data_processing,
    evaluation,
    leaderboard,
    recbole_format,
    recommend,
    search,
    train_baselines,
    train_ncf,
    train_ss4rec,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name; ``__default__`` is what compares SS4Rec with NCF."""
    pipelines = {
        "data_processing": data_processing.create_pipeline(),
        "recbole_format": recbole_format.create_pipeline(),
        "train_ss4rec": train_ss4rec.create_pipeline(),
        "train_ncf": train_ncf.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
    }
    searches = {f"search_{model}": search.create_pipeline(model) for model in search.SEARCHES}
    lists = {f"recommend_{model}": recommend.create_pipeline(model) for model in ("ss4rec", "ncf")}
    more = {
        "train_baselines": train_baselines.create_pipeline(),
        "leaderboard": leaderboard.create_pipeline(),
    }
    default = sum(pipelines.values(), start=Pipeline([]))
    return {**pipelines, **more, **lists, **searches, "__default__": default}

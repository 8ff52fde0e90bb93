"""The project's pipelines by name.

Kedro's ``find_pipelines`` is not used: it imports only the packages named on the command line, so
that pipelines composed of what it found would be missing from ``kedro run --pipelines``.
"""

from kedro.pipeline import Pipeline

from seqrec.model_registry import ENSEMBLE, MODELS, compared
from seqrec.pipelines import (
    data_processing,
    ensemble,
    evaluation,
    export,
    leaderboard,
    lists,
    recbole_format,
    recommend,
    search,
    train_baselines,
)
from seqrec.pipelines._training import create_training_pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name; ``__default__`` is what compares SS4Rec with NCF."""
    trainings = {f"train_{name}": create_training_pipeline(spec) for name, spec in MODELS.items()}
    comparison = {
        "data_processing": data_processing.create_pipeline(),
        "recbole_format": recbole_format.create_pipeline(),
        **{f"train_{name}": trainings[f"train_{name}"] for name in compared(MODELS)},
        "evaluation": evaluation.create_pipeline(),
    }
    searchable = [name for name, spec in MODELS.items() if spec.searchable]
    return {
        **comparison,
        **trainings,
        "train_baselines": train_baselines.create_pipeline(),
        ENSEMBLE: ensemble.create_pipeline(),
        "leaderboard": leaderboard.create_pipeline(),
        **{f"recommend_{name}": recommend.create_pipeline(name) for name in MODELS},
        **{f"export_{name}": export.create_pipeline(name) for name in MODELS},
        **{f"lists_{name}": lists.create_pipeline(name) for name in MODELS},
        f"recommend_{ENSEMBLE}": ensemble.create_recommend_pipeline(),
        **{f"search_{name}": search.create_pipeline(name) for name in searchable},
        "__default__": sum(comparison.values(), start=Pipeline([])),
    }

"""Pipeline ``train_baselines``; ``--namespaces sasrec,bprmf`` takes some of them."""

from kedro.pipeline import Node, Pipeline

from seqrec.model_registry import MODELS, RANKERS, RankerSpec, load
from seqrec.pipelines._training import create_training_pipeline


def create_pipeline() -> Pipeline:
    """Build interactions → target ranks of every baseline that `kedro run` leaves out."""
    trained = [create_training_pipeline(spec) for spec in MODELS.values() if not spec.compared]
    untrained = [_rank(spec) for spec in RANKERS.values() if not spec.compared]
    return sum([*trained, *untrained], start=Pipeline([]))


def _rank(spec: RankerSpec) -> Pipeline:
    return Pipeline(
        [Node(load(spec.ranker), list(spec.inputs), "target_ranks", name="rank")],
        namespace=spec.name,
        inputs={name for name in spec.inputs if not name.startswith("params:")},
        parameters={name for name in spec.inputs if name.startswith("params:")},
        tags="baselines",
    )

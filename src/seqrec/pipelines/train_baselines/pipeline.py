"""Pipeline ``train_baselines``; ``--namespaces sasrec,bprmf`` takes some of them."""

from kedro.pipeline import Node, Pipeline

from seqrec.parameters import BPRMFModel, GRU4RecModel, SASRecModel, SS4RecModel
from seqrec.pipelines._training import create_training_pipeline
from seqrec.ranking.item_knn import rank_by_neighbours
from seqrec.ranking.recent import rank_by_recent_popularity

TRAINED = {
    "mamba4rec": SS4RecModel,
    "sasrec": SASRecModel,
    "gru4rec": GRU4RecModel,
    "bprmf": BPRMFModel,
}
UNTRAINED = {"recent_popularity": rank_by_recent_popularity, "item_knn": rank_by_neighbours}


def create_pipeline() -> Pipeline:
    """Build interactions → target ranks of every baseline."""
    trained = [create_training_pipeline(name, kind) for name, kind in TRAINED.items()]
    untrained = [
        Pipeline(
            [Node(rank, ["interactions@pandas", "params:baselines"], "target_ranks", name="rank")],
            namespace=name,
            inputs="interactions@pandas",
            parameters="params:baselines",
            tags="baselines",
        )
        for name, rank in UNTRAINED.items()
    ]
    return sum([*trained, *untrained], start=Pipeline([]))

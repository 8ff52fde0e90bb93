"""Pipeline ``recbole_format``."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files


def create_pipeline() -> Pipeline:
    """Build interactions → atomic files and their statistics."""
    return Pipeline(
        [
            Node(
                describe_interactions,
                ["interactions@ibis", "params:data_processing"],
                "interaction_stats",
                name="describe_interactions",
            ),
            Node(
                write_atomic_files,
                ["interactions@ibis", "movies_raw", "users_raw", "interaction_stats"],
                "atomic_files",
                name="write_atomic_files",
            ),
        ],
        namespace="recbole_format",
        prefix_datasets_with_namespace=False,
        tags="data",
    )

"""Pipeline ``data_processing``."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.data_processing.nodes import (
    clean_ratings,
    filter_core,
    mark_held_out,
    order_history,
)


def create_pipeline() -> Pipeline:
    """Build raw ratings → ratings → interactions."""
    return Pipeline(
        [
            Node(
                clean_ratings,
                ["ratings_raw", "params:data_processing"],
                "ratings",
                name="clean_ratings",
            ),
            Node(
                filter_core,
                ["ratings", "params:data_processing"],
                "core_ratings",
                name="filter_core",
            ),
            Node(
                order_history,
                ["core_ratings", "params:data_processing"],
                "histories",
                name="order_history",
            ),
            Node(
                mark_held_out,
                ["histories", "params:data_processing"],
                "interactions@ibis",
                name="mark_held_out",
            ),
        ],
        namespace="data_processing",
        prefix_datasets_with_namespace=False,
        tags="data",
    )

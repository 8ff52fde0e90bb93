"""Pipeline ``leaderboard``: all trainings on this data, seeds averaged, differences tested."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.leaderboard import nodes

OPTIONS = "params:evaluation"


def create_pipeline() -> Pipeline:
    """Build trained models → runs → leaderboard, differences, slices → plot, printed table."""
    tables = ["leaderboard", "leaderboard_differences", OPTIONS]
    return Pipeline(
        [
            Node(
                nodes.collect_runs,
                ["trained_models", "interactions@pandas", "parameters", OPTIONS],
                "runs",
                name="collect_runs",
            ),
            Node(nodes.rank_models, ["runs", OPTIONS], "leaderboard", name="rank_models"),
            Node(
                nodes.subtract_from_reference,
                ["runs", OPTIONS],
                "leaderboard_differences",
                name="subtract_from_reference",
            ),
            Node(slice_runs, ["runs", "interactions@pandas"], "slices", name="slice_runs"),
            Node(nodes.plot_leaderboard, tables, "leaderboard_plot", name="plot_leaderboard"),
            Node(nodes.print_leaderboard, tables, None, name="print_leaderboard"),
        ],
        tags="leaderboard",
    )

"""Pipeline ``leaderboard``: all trainings on this data, seeds averaged, differences tested."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.leaderboard import nodes

RUNS = ["runs", "params:evaluation"]


def create_pipeline() -> Pipeline:
    """Build trained models → runs → leaderboard, differences, slices → plot, printed table."""
    return Pipeline(
        [
            Node(
                nodes.collect_runs,
                ["trained_models", "interactions@pandas", "parameters", "params:evaluation"],
                "runs",
                name="collect_runs",
            ),
            Node(nodes.rank_models, RUNS, "leaderboard", name="rank_models"),
            Node(
                nodes.subtract_from_reference,
                RUNS,
                "leaderboard_differences",
                name="subtract_from_reference",
            ),
            Node(
                slice_runs,
                ["runs", "interactions@pandas", "params:evaluation"],
                "slices",
                name="slice_runs",
            ),
            Node(
                nodes.plot_leaderboard, "leaderboard", "leaderboard_plot", name="plot_leaderboard"
            ),
            Node(
                nodes.print_leaderboard,
                ["leaderboard", "leaderboard_differences", "params:evaluation"],
                None,
                name="print_leaderboard",
            ),
        ],
        tags="leaderboard",
    )

"""Pipeline ``evaluation``: never sees RecBole, only ranks."""

from kedro.pipeline import Node, Pipeline

from seqrec.model_registry import RankerSpec, load
from seqrec.pipelines.evaluation import inputs, nodes, plots
from seqrec.pipelines.evaluation.details import pick_examples, slice_users, summarise_trainings
from seqrec.pipelines.evaluation.profile import plot_profile, profile_interactions
from seqrec.pipelines.evaluation.report import render_report


def create_pipeline() -> Pipeline:
    """Build target ranks → metrics → comparison → plots, details → report → printed table."""
    return Pipeline(
        [
            *(_rank(spec) for spec in inputs.UNTRAINED.values()),
            *(_measure(model) for model in inputs.COMPARED),
            Node(nodes.compare_models, inputs.METRICS, "comparison", name="compare_models"),
            Node(nodes.subtract_models, inputs.METRICS, "differences", name="subtract_models"),
            Node(plots.plot_training, inputs.LOGS, "training_plot", name="plot_training"),
            Node(plots.plot_metrics, inputs.COMPARISON, "metrics_plot", name="plot_metrics"),
            Node(plots.plot_ranks, inputs.RANKS, "ranks_plot", name="plot_ranks"),
            Node(summarise_trainings, inputs.LOGS, "training_costs", name="summarise_trainings"),
            Node(slice_users, inputs.SLICES, "user_slices", name="slice_users"),
            Node(pick_examples, inputs.EXAMPLES, "examples", name="pick_examples"),
            Node(
                profile_interactions,
                "interactions@ibis",
                "data_profile",
                name="profile_interactions",
            ),
            Node(plot_profile, "data_profile", "data_plot", name="plot_profile"),
            Node(render_report, inputs.REPORT, "report", name="render_report"),
            Node(nodes.print_comparison, inputs.PRINTED, None, name="print_comparison"),
        ],
        tags="evaluation",
    )


def _rank(spec: RankerSpec) -> Node:
    target_ranks = f"{spec.name}.target_ranks"
    return Node(load(spec.ranker), list(spec.inputs), target_ranks, name=f"rank_by_{spec.name}")


def _measure(model: str) -> Pipeline:
    inputs = ["target_ranks", "params:evaluation"]
    measure = Node(nodes.measure_ranks, inputs, "metrics", name="measure_ranks")
    return Pipeline([measure], namespace=model, parameters="params:evaluation")

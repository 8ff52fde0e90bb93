"""Pipeline ``evaluation``: never sees RecBole, only ranks."""

from kedro.pipeline import Node, Pipeline

from seqrec.model_registry import RankerSpec, load
from seqrec.pipelines._nodes import named_node as _node
from seqrec.pipelines.evaluation import beside, compared, details, inputs, nodes, plots, profile
from seqrec.pipelines.evaluation.report import render_report


def create_pipeline() -> Pipeline:
    """Build target ranks → metrics → comparison → plots, details → report → printed table."""
    evaluation = Pipeline(
        [
            *(_measure(model) for model in inputs.COMPARED),
            _node(nodes.measure_ensemble, inputs.ENSEMBLE_RANKS, inputs.ENSEMBLE_METRICS),
            _node(nodes.compare_models, inputs.METRICS, "comparison"),
            _node(nodes.subtract_models, inputs.METRICS, "differences"),
            _node(plots.plot_training, inputs.LOGS, "training_plot"),
            _node(plots.plot_metrics, inputs.COMPARISON, "metrics_plot"),
            _node(plots.plot_ranks, inputs.RANKS, "ranks_plot"),
            _node(details.summarise_trainings, inputs.LOGS, "training_costs"),
            _node(details.slice_users, inputs.SLICES, "user_slices"),
            _node(details.pick_examples, inputs.EXAMPLES, "examples"),
            _node(profile.profile_interactions, "interactions@ibis", "data_profile"),
            _node(profile.plot_profile, "data_profile", "data_plot"),
            _node(compared.read_stats, "atomic_files", "data_stats"),
            _node(compared.describe_compared, inputs.COMPARED_TRAININGS, "compared"),
            _node(beside.compare_lists, inputs.LISTS, "compared_lists"),
            _node(render_report, inputs.REPORT, "report"),
            _node(nodes.print_comparison, inputs.PRINTED, None),
        ],
        namespace="evaluation",
        prefix_datasets_with_namespace=False,
    )
    return Pipeline([*map(_rank, inputs.UNTRAINED.values()), evaluation], tags="evaluation")


def _rank(spec: RankerSpec) -> Node:
    target_ranks = f"{spec.name}.target_ranks"
    return Node(load(spec.ranker), list(spec.inputs), target_ranks, name=f"rank_by_{spec.name}")


def _measure(model: str) -> Pipeline:
    measure = _node(nodes.measure_ranks, ["target_ranks", "params:evaluation"], "metrics")
    return Pipeline([measure], namespace=model, parameters="params:evaluation")

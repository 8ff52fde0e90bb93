"""Pipeline ``evaluation``: never sees RecBole, only ranks."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.evaluation import nodes, plots
from seqrec.pipelines.evaluation.report import render_report

TRAINED = ("ss4rec", "ncf")
MODELS = (*TRAINED, "popularity")


def _each(models: tuple[str, ...], artefact: str) -> dict[str, str]:
    """Name an artefact of every model, for a node that takes one keyword per model."""
    return {model: f"{model}.{artefact}" for model in models}


def _measure(model: str) -> Pipeline:
    measure = Node(
        nodes.measure_ranks, ["target_ranks", "params:evaluation"], "metrics", name="measure_ranks"
    )
    return Pipeline([measure], namespace=model, parameters="params:evaluation")


def create_pipeline() -> Pipeline:
    """Build target ranks → metrics → comparison → plots → report → printed table."""
    options = {"evaluation": "params:evaluation"}
    metrics = {**options, **_each(MODELS, "metrics")}
    ranks = {**options, **_each(MODELS, "target_ranks")}
    tables = {**options, "comparison": "comparison", "differences": "differences"}
    bars = {**options, "comparison": "comparison"}
    facts = {"stats": "interaction_stats", "provenance": "provenance"}
    figures = {name: f"{name}_plot" for name in ("training", "metrics", "ranks")}
    curves = _each(TRAINED, "history")
    popular = "popularity.target_ranks"
    return Pipeline(
        [
            Node(nodes.rank_by_popularity, "interactions", popular, name="rank_by_popularity"),
            *(_measure(model) for model in MODELS),
            Node(nodes.compare_models, metrics, "comparison", name="compare_models"),
            Node(nodes.subtract_models, metrics, "differences", name="subtract_models"),
            Node(plots.plot_training, curves, "training_plot", name="plot_training"),
            Node(plots.plot_metrics, bars, "metrics_plot", name="plot_metrics"),
            Node(plots.plot_ranks, ranks, "ranks_plot", name="plot_ranks"),
            Node(render_report, {**tables, **facts, **figures}, "report", name="render_report"),
            Node(
                nodes.print_comparison,
                {**tables, "report": "report"},
                None,
                name="print_comparison",
            ),
        ],
        tags="evaluation",
    )

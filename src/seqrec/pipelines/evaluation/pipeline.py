"""Pipeline ``evaluation``: never sees RecBole, only ranks."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines._untrained import rank_by_popularity
from seqrec.pipelines.evaluation import nodes, plots
from seqrec.pipelines.evaluation.report import render_report

TRAINED = ("ss4rec", "ncf")
MODELS = (*TRAINED, "popularity")
OPTIONS = {"evaluation": "params:evaluation"}
TABLES = {**OPTIONS, "comparison": "comparison", "differences": "differences"}


def create_pipeline() -> Pipeline:
    """Build target ranks → metrics → comparison → plots → report → printed table."""
    bars = {**OPTIONS, "comparison": "comparison"}
    figures = {name: f"{name}_plot" for name in ("training", "metrics", "ranks")}
    told = {**TABLES, **figures, "stats": "interaction_stats", "provenance": "provenance"}
    last = {**TABLES, "report": "report"}
    popular, curves = "popularity.target_ranks", _each("history", TRAINED)
    metrics, ranks = {**OPTIONS, **_each("metrics")}, {**OPTIONS, **_each("target_ranks")}
    return Pipeline(
        [
            Node(rank_by_popularity, "interactions", popular, name="rank_by_popularity"),
            *(_measure(model) for model in MODELS),
            Node(nodes.compare_models, metrics, "comparison", name="compare_models"),
            Node(nodes.subtract_models, metrics, "differences", name="subtract_models"),
            Node(plots.plot_training, curves, "training_plot", name="plot_training"),
            Node(plots.plot_metrics, bars, "metrics_plot", name="plot_metrics"),
            Node(plots.plot_ranks, ranks, "ranks_plot", name="plot_ranks"),
            Node(render_report, told, "report", name="render_report"),
            Node(nodes.print_comparison, last, None, name="print_comparison"),
        ],
        tags="evaluation",
    )


def _each(artefact: str, models: tuple[str, ...] = MODELS) -> dict[str, str]:
    """Name an artefact of every model, for a node that takes one keyword per model."""
    return {model: f"{model}.{artefact}" for model in models}


def _measure(model: str) -> Pipeline:
    inputs = ["target_ranks", "params:evaluation"]
    measure = Node(nodes.measure_ranks, inputs, "metrics", name="measure_ranks")
    return Pipeline([measure], namespace=model, parameters="params:evaluation")

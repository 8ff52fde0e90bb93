"""Pipeline ``evaluation``: never sees RecBole, only ranks."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.evaluation import details, nodes, plots, profile
from seqrec.pipelines.evaluation.report import render_report
from seqrec.ranking.popularity import rank_by_popularity

TRAINED = ("ss4rec", "ncf")
MODELS = (*TRAINED, "popularity")
OPTIONS = {"evaluation": "params:evaluation"}
TABLES = {**OPTIONS, "comparison": "comparison", "differences": "differences"}
FIGURES = {name: f"{name}_plot" for name in ("training", "metrics", "ranks", "data")}
BEHIND = {"costs": "training_costs", "slices": "user_slices", "examples": "examples"}
TOLD = {**TABLES, **FIGURES, **BEHIND, "stats": "interaction_stats", "provenance": "provenance"}


def create_pipeline() -> Pipeline:
    """Build target ranks → metrics → comparison → plots, details → report → printed table."""
    curves = {model: f"{model}.history" for model in TRAINED}
    metrics = {**OPTIONS, **{model: f"{model}.metrics" for model in MODELS}}
    ranks = {**OPTIONS, **{model: f"{model}.target_ranks" for model in MODELS}}
    of_users = {**metrics, "interactions": "interactions@pandas"}
    shown = {**ranks, "interactions": "interactions@pandas", "movies": "movies_raw"}
    bars, last = {**OPTIONS, "comparison": "comparison"}, {**TABLES, "report": "report"}
    popular, took = "popularity.target_ranks", "training_costs"
    return Pipeline(
        [
            Node(rank_by_popularity, "interactions@pandas", popular, name="rank_by_popularity"),
            *(_measure(model) for model in MODELS),
            Node(nodes.compare_models, metrics, "comparison", name="compare_models"),
            Node(nodes.subtract_models, metrics, "differences", name="subtract_models"),
            Node(plots.plot_training, curves, "training_plot", name="plot_training"),
            Node(plots.plot_metrics, bars, "metrics_plot", name="plot_metrics"),
            Node(plots.plot_ranks, ranks, "ranks_plot", name="plot_ranks"),
            Node(details.summarise_trainings, curves, took, name="summarise_trainings"),
            Node(details.slice_users, of_users, "user_slices", name="slice_users"),
            Node(details.pick_examples, shown, "examples", name="pick_examples"),
            Node(
                profile.profile_interactions,
                "interactions@ibis",
                "data_profile",
                name="profile_interactions",
            ),
            Node(profile.plot_profile, "data_profile", "data_plot", name="plot_profile"),
            Node(render_report, TOLD, "report", name="render_report"),
            Node(nodes.print_comparison, last, None, name="print_comparison"),
        ],
        tags="evaluation",
    )


def _measure(model: str) -> Pipeline:
    inputs = ["target_ranks", "params:evaluation"]
    measure = Node(nodes.measure_ranks, inputs, "metrics", name="measure_ranks")
    return Pipeline([measure], namespace=model, parameters="params:evaluation")

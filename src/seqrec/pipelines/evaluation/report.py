"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines.evaluation.tables import shown_metrics, verdict
from seqrec.tables import columns as c
from seqrec.tables.protocols import PROTOCOL

FIGURES = {
    "metrics": "Metrics with bootstrap intervals",
    "ranks": "Where the held-out item ranks",
    "training": "Training",
    "data": "The data",
}


def render_report(
    evaluation: Evaluation,
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    interaction_stats: dict[str, Any],
    provenance: dict[str, Any],
    training_costs: pd.DataFrame,
    user_slices: pd.DataFrame,
    examples: list[dict[str, Any]],
    **plots: go.Figure,
) -> str:
    """Render verdict, tables, figures, data facts and provenance.

    Args:
        evaluation: Which protocol is the headline.
        comparison: A row per model, protocol and metric.
        differences: A row per pair of models, protocol and metric.
        interaction_stats: Facts about the data.
        provenance: Commit, versions, device.
        training_costs: What each training took.
        user_slices: Means over kinds of users.
        examples: Users to look at.
        **plots: The figures, by the names of `FIGURES`.

    Returns:
        HTML with scripts, styles and figures inside.
    """
    environment = Environment(
        loader=PackageLoader("seqrec.pipelines.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        verdict=verdict(differences, evaluation),
        metrics=shown_metrics(evaluation),
        sections=_sections(comparison, evaluation),
        confidence=f"{evaluation.confidence:.0%}",
        figures=[
            (name, title, plots[f"{name}_plot"].to_json()) for name, title in FIGURES.items()
        ],
        stats=interaction_stats,
        costs=training_costs,
        slices=_kinds(user_slices),
        examples=examples,
        provenance=provenance,
        plotly=get_plotlyjs(),
    )


def _kinds(slices: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Split the slices into a table per kind, means with four places."""
    shown = slices.map(lambda value: f"{value:.4f}" if isinstance(value, float) else value)
    return [(str(kind), rows.drop(columns="kind")) for kind, rows in shown.groupby("kind")]


def _sections(comparison: pd.DataFrame, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Group the comparison into one table per protocol."""
    chosen = comparison[comparison["metric"].isin(shown_metrics(evaluation))]
    return [
        {
            "title": f"history {mask}, query time {query_time}",
            "rows": [
                (title_of(str(model)), table.set_index("metric").to_dict("index"))
                for model, table in rows.groupby(c.MODEL, sort=False)
            ],
        }
        for (mask, query_time), rows in chosen.groupby(PROTOCOL)
    ]

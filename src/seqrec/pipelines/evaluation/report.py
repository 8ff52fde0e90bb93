"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines._plots import PAPERS
from seqrec.pipelines.evaluation.beside import leaderboard_table
from seqrec.pipelines.evaluation.cells import (
    baseline_of,
    cells_of,
    protocols,
    result_groups,
)
from seqrec.pipelines.evaluation.tables import ONE_TRAINING, verdict
from seqrec.pipelines.evaluation.wording import describe_data, describe_protocol
from seqrec.record import RECORD
from seqrec.tables import columns as c

FIGURES = {
    "metrics": "Metrics with their intervals",
    "ranks": "Where the held-out item ranks",
    "training": "Training",
    "data": "The data",
}
_SHOWN_ABOVE = ("dataset", "environment", "experiment_name", "device", RECORD)
"""Facts of the provenance that the report's head has."""


def render_report(
    evaluation: Evaluation,
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    interaction_stats: dict[str, Any],
    provenance: dict[str, Any],
    compared: dict[str, Any],
    training_costs: pd.DataFrame,
    user_slices: pd.DataFrame,
    examples: list[dict[str, Any]],
    leaderboard: pd.DataFrame | None,
    lists: dict[str, Any],
    **plots: go.Figure,
) -> str:
    """Render facts, verdict, tables, figures and provenance.

    Args:
        evaluation: Which protocol is the headline.
        comparison: A row per model, protocol and metric.
        differences: A row per pair of models, protocol and metric.
        interaction_stats: Facts about the data.
        provenance: Commit, versions, device.
        compared: From `describe_compared`.
        training_costs: What each training took.
        user_slices: Means over kinds of users.
        examples: Users to look at.
        leaderboard: Every training so far; None if the pipeline was never run.
        lists: From `compare_lists`.
        **plots: The figures, by the names of `FIGURES`.

    Returns:
        HTML with scripts, styles and figures inside.
    """
    # Every command imports this module, and no other needs IPython, which this one imports.
    from plotly.offline import get_plotlyjs

    headline = (evaluation.headline_mask, evaluation.headline_query_time)
    return _template().render(
        title=_title(comparison, provenance),
        verdict=verdict(differences, evaluation),
        one_training=ONE_TRAINING,
        facts=_facts(interaction_stats, provenance, compared),
        compared=compared,
        with_record=RECORD in provenance,
        protocols=protocols(comparison),
        headline=headline,
        results=result_groups(comparison, evaluation),
        baseline=title_of(baseline_of(comparison, evaluation)),
        confidence=f"{evaluation.confidence:.0%}",
        figures=[
            (name, title, plots[f"{name}_plot"].to_json()) for name, title in FIGURES.items()
        ],
        costs=training_costs,
        leaderboard=leaderboard_table(leaderboard, compared["data"], headline),
        lists=pd.DataFrame(lists["rows"]).map(_rounded),
        slices=_slices(user_slices, comparison),
        examples=examples,
        stats=interaction_stats,
        provenance=_without(provenance, _SHOWN_ABOVE),
        papers=PAPERS,
        plotly=get_plotlyjs(),
    )


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("seqrec.pipelines.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2")


def _title(comparison: pd.DataFrame, provenance: dict[str, Any]) -> str:
    """Name the models, and the dataset if it is known."""
    *others, last = (title_of(str(model)) for model in comparison[c.MODEL].unique())
    names = f"{', '.join(others)} and {last}" if others else last
    dataset = provenance.get("dataset")
    return f"{names} on {dataset}" if dataset else names


def _facts(
    stats: dict[str, Any], provenance: dict[str, Any], compared: dict[str, Any]
) -> dict[str, str]:
    """Say what was compared on what; what is not known is left out."""
    environment = (provenance.get("environment"), provenance.get("device"))
    facts = {
        "dataset": provenance.get("dataset"),
        "data": describe_data(stats),
        **describe_protocol(stats, compared["protocol"]),
        "environment": ", ".join(filter(None, environment)),
        "experiment": provenance.get("experiment_name"),
        "fingerprint of the data": compared["data"],
    }
    return {name: fact for name, fact in facts.items() if fact}


def _slices(slices: pd.DataFrame, comparison: pd.DataFrame) -> list[dict[str, Any]]:
    """Lay the slices out: of each kind its name and rows, of each a cell per model."""
    titles = [title_of(str(model)) for model in comparison[c.MODEL].unique()]
    kinds = []
    for kind, rows in slices.groupby("kind"):
        cells = [
            {"slice": row["slice"], "users": row["users"], "cells": _slice_cells(row, titles)}
            for row in rows.to_dict("records")
        ]
        kinds.append({"kind": kind, "rows": cells})
    return kinds


def _slice_cells(row: dict[Any, Any], titles: list[str]) -> list[dict[str, Any]]:
    ends = {"mean": "", "low": " low", "high": " high"}
    values = {
        title: {name: row[f"{title}{end}"] for name, end in ends.items()} for title in titles
    }
    cells = cells_of(pd.DataFrame.from_dict(values, orient="index"), row["users"] == 1)
    return [cells[title] for title in titles]


def _without(facts: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if name not in names}


def _rounded(value: Any) -> Any:
    return f"{value:.3f}" if isinstance(value, float) else value

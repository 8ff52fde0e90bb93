"""Nodes of ``leaderboard``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from rich.table import Table

from seqrec.errors import ProjectError
from seqrec.metrics.statistics import (
    ENOUGH_SEEDS,
    ONE_USER,
    USERS_ONLY,
    Difference,
    bootstrap_seeds,
    holm,
)
from seqrec.parameter_tree import Parameters
from seqrec.parameters import Evaluation
from seqrec.pipelines._coverage import coverage_of
from seqrec.pipelines._plots import BLUE, plain
from seqrec.pipelines._slices import METRIC
from seqrec.pipelines.leaderboard.runs import COSTS, as_rows, label, same_data
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS, HEADLINE, USERS, is_of_one_user
from seqrec.tables.fingerprint import data_fingerprint
from seqrec.tables.trained_models import TrainedModel
from seqrec.terminal.screen import page, print_line, widest_that_fits

logger = logging.getLogger(__name__)

SHOWN = ("model", "seeds", "HR@10", METRIC, "interval", "over", "MRR@10", "epochs", "seconds")
SHOWN_ON_NARROW_SCREENS = (
    ("model", "seeds", "HR@10", METRIC, "interval", "MRR@10"),
    ("model", "seeds", METRIC, "interval"),
    ("model", METRIC),
)


def collect_runs(
    trained_models: list[TrainedModel],
    interactions: pd.DataFrame,
    parameters: dict[str, Any],
    evaluation: Evaluation,
) -> pd.DataFrame:
    """Lay every training on this data out; of equal ones (label and seed) the newest counts.

    Args:
        trained_models: All there are.
        interactions: The data now; trainings with other held-out items are left out.
        parameters: The environment's: what differs from them is in a training's label.
        evaluation: Cutoffs and the headline protocol.

    Returns:
        A row per training and user: metrics, and what the training took.

    Raises:
        ProjectError: Nothing was trained on this data.
    """
    fitting = [model for model in trained_models if same_data(model, interactions)]
    if len(fitting) < len(trained_models):
        left = len(trained_models) - len(fitting)
        logger.warning("%d trainings had other held-out items: left out", left)
    if not fitting:
        raise ProjectError("no training on this data: run `kedro run` first")
    usual = Parameters.model_validate(parameters).model_dump(mode="json")
    newest: dict[tuple[str, int], pd.DataFrame] = {}
    for model in fitting:  # sorted by version: a later one replaces its equal
        rows = as_rows(model, label(model, usual), evaluation)
        newest[rows[c.MODEL].iloc[0], rows[c.SEED].iloc[0]] = rows
    runs = pd.concat(newest.values(), ignore_index=True)
    headline = [evaluation.headline_mask, evaluation.headline_query_time]
    data = data_fingerprint(interactions)
    runs.attrs[FACTS] = {"data": data, HEADLINE: headline, USERS: runs[c.USER].nunique()}
    return runs


def rank_models(runs: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """Average over users and seeds, best model first.

    Args:
        runs: From `collect_runs`.
        evaluation: Samples, confidence and seed of the bootstrap.

    Returns:
        A row per model: seeds, every metric's mean, NDCG@10's interval (`coverage_of` says what
        it covers) and spread over seeds, what a training takes.
    """
    metrics = [name for name in runs if "@" in str(name)]
    rows = []
    for model, of_model in runs.groupby(c.MODEL, sort=False):
        interval = _bootstrap(_matrix(of_model), None, evaluation)
        by_run = of_model.groupby("run")
        spread = by_run[METRIC].mean().std(ddof=1) if by_run.ngroups > 1 else np.nan
        row = {
            c.MODEL: model,
            "seeds": by_run.ngroups,
            **of_model[metrics].mean(),
            "low": interval.low,
            "high": interval.high,
            "seed_spread": spread,
            **by_run[list(COSTS)].first().agg(COSTS),
        }
        rows.append(row)
    leaderboard = pd.DataFrame(rows).sort_values(METRIC, ascending=False, ignore_index=True)
    leaderboard.attrs[FACTS] = runs.attrs.get(FACTS, {})
    return leaderboard


def subtract_from_reference(runs: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """Compare the reference with every other model: interval, effect size, Holm's p.

    Args:
        runs: From `collect_runs`.
        evaluation: `reference`, and the bootstrap's settings.

    Returns:
        A row per other model: reference minus other in NDCG@10, and what the interval covers.
    """
    of_model = {str(model): rows for model, rows in runs.groupby(c.MODEL, sort=False)}
    models = {model: _matrix(rows) for model, rows in of_model.items()}
    seeds = {model: rows["run"].nunique() for model, rows in of_model.items()}
    reference = evaluation.reference
    others = [name for name in models if reference in models and name != reference]
    if reference not in models:
        logger.warning(
            "no differences: evaluation.reference is %r, and trained are %s",
            *(reference, ", ".join(models)),
        )
    rows = [
        {"other": other, **asdict(_bootstrap(models[reference], models[other], evaluation))}
        for other in others
    ]
    table = pd.DataFrame(rows, columns=["other", "mean", "low", "high", "p", "effect"])
    table["p_holm"] = holm(table["p"])
    table["covers"] = [
        coverage_of(**{model: seeds[model] for model in (reference, other)}) for other in others
    ]
    table.attrs[FACTS] = runs.attrs.get(FACTS, {})
    table.insert(0, c.MODEL, reference)
    return table


def plot_leaderboard(leaderboard: pd.DataFrame) -> go.Figure:
    """Draw every model's NDCG@10 with its interval, best on top.

    Args:
        leaderboard: From `rank_models`.
    """
    shown = leaderboard.iloc[::-1]
    error = {
        "type": "data",
        "array": shown["high"] - shown[METRIC],
        "arrayminus": shown[METRIC] - shown["low"],
    }
    points = go.Scatter(
        x=shown[METRIC],
        y=shown[c.MODEL],
        error_x=error,
        mode="markers",
        marker={"size": 9, "color": BLUE},
    )
    figure = go.Figure(points)
    figure.update_xaxes(title_text=METRIC, rangemode="tozero")
    return plain(figure).update_layout(height=120 + 32 * len(shown), margin_l=260)


def print_leaderboard(
    leaderboard: pd.DataFrame, differences: pd.DataFrame, evaluation: Evaluation
) -> None:
    """Print the table and, in words, what is better than what.

    Args:
        leaderboard: From `rank_models`.
        differences: From `subtract_from_reference`.
        evaluation: The headline protocol.
    """
    several = not is_of_one_user(leaderboard)
    rows = [_cells(row, several) for row in leaderboard.to_dict("records")]
    console = page()
    console.print()
    tables = [_table(rows, columns, evaluation) for columns in (SHOWN, *SHOWN_ON_NARROW_SCREENS)]
    console.print(widest_that_fits(tables, console))
    for row in differences.to_dict("records"):
        print_line(_sentence(row) if several else _of_one_user(row))


def _cells(row: dict[Any, Any], several: bool) -> dict[str, str]:
    """Spell a row of the leaderboard, by column."""
    return {
        "model": str(row[c.MODEL]),
        "seeds": str(row["seeds"]),
        "HR@10": f"{row['HR@10']:.4f}",
        METRIC: f"{row[METRIC]:.4f}",
        "interval": f"{row['low']:.4f} to {row['high']:.4f}" if several else "none",
        "over": coverage_of(**{str(row[c.MODEL]): row["seeds"]}) if several else "one user",
        "MRR@10": f"{row['MRR@10']:.4f}",
        "epochs": f"{row['epochs']:.0f}",
        "seconds": f"{row['seconds']:.0f}",
    }


def _table(
    rows: Sequence[dict[str, str]], columns: Sequence[str], evaluation: Evaluation
) -> Table:
    """Lay out some columns; long names of models break between words."""
    table = Table(
        title=f"history {evaluation.headline_mask}, query time {evaluation.headline_query_time}",
        caption=f"{evaluation.confidence:.0%} bootstrap interval; with fewer than {ENOUGH_SEEDS} "
        "seeds over users only: another training may lie outside it",
    )
    for name in columns:
        table.add_column(name, no_wrap=name != "model")
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    return table


def _sentence(row: dict[Any, Any]) -> str:
    half = (row["high"] - row["low"]) / 2
    only = f" over {USERS_ONLY}" if row["covers"] == USERS_ONLY else ""
    size = f"{abs(row['mean']):.4f} ± {half:.4f} {METRIC}{only}, effect {row['effect']:.2f}"
    if row["p_holm"] > 0.05:
        return f"{row['model']} and {row['other']} do not differ beyond noise ({size})."
    better = "better" if row["mean"] > 0 else "worse"
    return f"{row['model']} is {better} than {row['other']} by {size}, Holm p {row['p_holm']:.3f}."


def _of_one_user(row: dict[Any, Any]) -> str:
    apart = f"{row['model']} minus {row['other']} is {row['mean']:+.4f} {METRIC}"
    return f"{apart} for the only user: {ONE_USER}."


def _bootstrap(
    first: NDArray[np.float64], second: NDArray[np.float64] | None, evaluation: Evaluation
) -> Difference:
    """Bootstrap over users and seeds as the parameters say, (S, U) and (T, U)."""
    return bootstrap_seeds(
        first,
        second,
        samples=evaluation.bootstrap_samples,
        confidence=evaluation.confidence,
        seed=evaluation.seed,
    )


def _matrix(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Arrange NDCG@10 with a row per training and a column per user, (S, U)."""
    return rows.pivot(index="run", columns=c.USER, values=METRIC).to_numpy()

"""Figures: kedro-viz previews and the report show the same ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines._plots import line_colour, plain, symbol
from seqrec.pipelines.evaluation.tables import shown_metrics
from seqrec.tables import columns as c
from seqrec.tables.protocols import at_headline

LOSS = "loss"
PANELS = {
    LOSS: "loss, first epoch = 1",
    "NDCG@10": "validation NDCG@10",
    "gradient_norm": "gradient norm",
}


def plot_training(**training_logs: pd.DataFrame) -> go.Figure:
    """Draw loss, validation NDCG@10 and gradient norm over epochs.

    Losses of different kinds share no scale: each is drawn as a multiple of its first epoch's.

    Args:
        **training_logs: A row per epoch, by model.
    """
    figure = make_subplots(cols=len(PANELS), subplot_titles=list(PANELS.values()))
    for place, column in enumerate(PANELS, start=1):
        for model, log in training_logs.items():
            scale = log[column].iloc[0] if column == LOSS else 1.0
            curve = go.Scatter(
                x=log[c.EPOCH] + 1,
                y=log[column] / scale,
                customdata=log[column],
                hovertemplate="epoch %{x}: %{customdata:.4g}",
                mode="lines+markers",
                name=title_of(model),
                legendgroup=model,
                showlegend=place == 1,
                line_color=line_colour(model),
                marker_symbol=symbol(model),
            )
            figure.add_trace(curve, row=1, col=place)
        figure.update_xaxes(title_text="epoch", row=1, col=place)
    return plain(figure)


def plot_metrics(comparison: pd.DataFrame, evaluation: Evaluation) -> go.Figure:
    """Draw the headline protocol's metrics as points with their intervals.

    Args:
        comparison: A row per model, protocol and metric.
        evaluation: Which protocol is the headline.
    """
    headline = at_headline(comparison, evaluation)
    chosen = headline[headline["metric"].isin(shown_metrics(evaluation))]
    figure = go.Figure()
    for model, rows in chosen.groupby(c.MODEL, sort=False):
        # Points, not bars: an interval in its model's colour would vanish inside a bar.
        error = {
            "type": "data",
            "array": rows["high"] - rows["mean"],
            "arrayminus": rows["mean"] - rows["low"],
            "color": line_colour(str(model)),
            "thickness": 2,
            "width": 5,
        }
        figure.add_scatter(
            x=rows["metric"],
            y=rows["mean"],
            error_y=error,
            mode="markers",
            name=title_of(str(model)),
            marker={"size": 9, "color": line_colour(str(model)), "symbol": symbol(str(model))},
        )
    figure.update_yaxes(title_text="mean over users", rangemode="tozero")
    return plain(figure).update_layout(scattermode="group", scattergap=0.5)


def plot_ranks(evaluation: Evaluation, **target_ranks: pd.DataFrame) -> go.Figure:
    """Draw, for every cutoff, the share of users whose held-out item ranks within it.

    Args:
        evaluation: Which protocol is the headline.
        **target_ranks: Ranks by model.
    """
    figure = go.Figure()
    for model, table in target_ranks.items():
        chosen = at_headline(table, evaluation)
        ranks = np.sort(chosen[c.RANK].to_numpy())
        ks = np.unique(np.geomspace(1, chosen[c.CANDIDATES].max(), 80).round())
        share = np.searchsorted(ranks, ks, side="right") / len(ranks)
        figure.add_scatter(x=ks, y=share, name=title_of(model), line_color=line_colour(model))
    figure.update_xaxes(type="log", title_text="rank of the held-out item (log)")
    figure.update_yaxes(title_text="share of users at or above it", range=[0, 1])
    return plain(figure)

"""Figures: kedro-viz previews and the report show the same ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from seqrec.model_registry import title_of
from seqrec.parameters import Evaluation
from seqrec.pipelines._plots import line_colour, plain
from seqrec.pipelines.evaluation.tables import shown_metrics
from seqrec.tables import columns as c
from seqrec.tables.protocols import at_headline

PANELS = {
    "loss": "training loss",
    "NDCG@10": "validation NDCG@10",
    "gradient_norm": "gradient norm",
}


def plot_training(**training_logs: pd.DataFrame) -> go.Figure:
    """Draw loss, validation NDCG@10 and gradient norm over epochs.

    Args:
        **training_logs: A row per epoch, by model.
    """
    figure = make_subplots(cols=len(PANELS), subplot_titles=list(PANELS.values()))
    for place, column in enumerate(PANELS, start=1):
        for model, log in training_logs.items():
            curve = go.Scatter(
                x=log[c.EPOCH] + 1,
                y=log[column],
                mode="lines+markers",
                name=title_of(model),
                legendgroup=model,
                showlegend=place == 1,
                line_color=line_colour(model),
            )
            figure.add_trace(curve, row=1, col=place)
        figure.update_xaxes(title_text="epoch", row=1, col=place)
    # The losses are of different kinds: only their course compares.
    figure.update_yaxes(type="log", row=1, col=1)
    return plain(figure).update_layout(legend_y=1.3, margin_t=80)


def plot_metrics(comparison: pd.DataFrame, evaluation: Evaluation) -> go.Figure:
    """Draw the headline protocol's metrics as bars with their intervals.

    Args:
        comparison: A row per model, protocol and metric.
        evaluation: Which protocol is the headline.
    """
    headline = at_headline(comparison, evaluation)
    chosen = headline[headline["metric"].isin(shown_metrics(evaluation))]
    figure = go.Figure()
    for model, rows in chosen.groupby(c.MODEL, sort=False):
        error = {
            "type": "data",
            "array": rows["high"] - rows["mean"],
            "arrayminus": rows["mean"] - rows["low"],
            "thickness": 1.2,
        }
        figure.add_bar(
            x=rows["metric"],
            y=rows["mean"],
            error_y=error,
            name=title_of(str(model)),
            marker_color=line_colour(str(model)),
        )
    figure.update_yaxes(title_text="mean over users", rangemode="tozero")
    return plain(figure)


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

"""Figures: kedro-viz previews and the report show the same ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from seqrec.parameters import Evaluation
from seqrec.pipelines.evaluation.tables import NAMES, shown_metrics
from seqrec.tables import columns as c

# Okabe and Ito's palette: told apart by colour-blind readers, on light and on dark.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#999999"
_COLOURS = {"ss4rec": BLUE, "ncf": ORANGE, "popularity": GREY}


def plot_training(**histories: pd.DataFrame) -> go.Figure:
    """Draw loss, validation NDCG@10 and gradient norm over epochs.

    Args:
        **histories: A row per epoch, by model.
    """
    panels = {
        "loss": "training loss",
        "NDCG@10": "validation NDCG@10",
        "gradient_norm": "gradient norm",
    }
    figure = make_subplots(cols=len(panels), subplot_titles=list(panels.values()))
    for place, column in enumerate(panels, start=1):
        for model, table in histories.items():
            curve = go.Scatter(
                x=table[c.EPOCH] + 1, y=table[column], mode="lines+markers",
                name=NAMES.get(model, model), legendgroup=model, showlegend=place == 1,
                line_color=_COLOURS.get(model),
            )  # fmt: skip
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
    chosen = comparison[
        (comparison[c.MASK] == evaluation.headline_mask)
        & (comparison[c.QUERY_TIME] == evaluation.headline_query_time)
        & comparison["metric"].isin(shown_metrics(evaluation))
    ]
    figure = go.Figure()
    for model, rows in chosen.groupby(c.MODEL, sort=False):
        up, down = rows["high"] - rows["mean"], rows["mean"] - rows["low"]
        name, colour = NAMES.get(str(model), str(model)), _COLOURS.get(str(model))
        error = {"type": "data", "array": up, "arrayminus": down, "thickness": 1.2}
        figure.add_bar(
            x=rows["metric"], y=rows["mean"], error_y=error, name=name, marker_color=colour
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
        chosen = table[
            (table[c.MASK] == evaluation.headline_mask)
            & (table[c.QUERY_TIME] == evaluation.headline_query_time)
        ]
        ranks = np.sort(chosen[c.RANK].to_numpy())
        ks = np.unique(np.geomspace(1, chosen[c.CANDIDATES].max(), 80).round())
        share = np.searchsorted(ranks, ks, side="right") / len(ranks)
        figure.add_scatter(
            x=ks, y=share, name=NAMES.get(model, model), line_color=_COLOURS.get(model)
        )
    figure.update_xaxes(type="log", title_text="rank of the held-out item (log)")
    figure.update_yaxes(title_text="share of users at or above it", range=[0, 1])
    return plain(figure)


def plain(figure: go.Figure) -> go.Figure:
    """Give every figure the same quiet look, on light and on dark."""
    return (
        figure.update_layout(
            template="none",
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            font={"family": "system-ui, sans-serif", "size": 13, "color": "#777"},
            legend={"orientation": "h", "y": 1.18, "x": 0},
            margin={"l": 56, "r": 16, "t": 56, "b": 48},
            height=360,
        )
        .update_yaxes(gridcolor="rgba(128,128,128,0.25)")
        .update_xaxes(showgrid=False)
    )

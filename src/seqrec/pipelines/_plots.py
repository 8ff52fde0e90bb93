"""One look for every figure."""

from __future__ import annotations

import plotly.graph_objects as go

from seqrec.model_registry import Colour, colour_of

PALETTE: dict[Colour, str] = {
    "blue": "#0A78BA",
    "orange": "#C77700",
    "grey": "#808890",
    "green": "#009E73",
    "sky": "#4197CC",
    "purple": "#C06A9B",
    "red": "#C8452B",
    "yellow": "#9C8B00",
    "violet": "#8A63D2",
}
"""Okabe and Ito's hues and a violet, which colour-blind readers tell apart, each at least 3:1
against both of `PAPERS`: a figure does not know on which of them it will lie."""
PAPERS = {"light": "#ffffff", "dark": "#14171b"}
"""The report's backgrounds."""
SYMBOLS: dict[Colour, str] = {
    "blue": "circle",
    "orange": "square",
    "grey": "diamond",
    "green": "triangle-up",
    "sky": "triangle-down",
    "purple": "cross",
    "red": "x",
    "yellow": "star",
    "violet": "hexagon",
}
"""Of points, so that colour is not the only difference."""
BLUE = PALETTE["blue"]
ORANGE = PALETTE["orange"]
GREY = PALETTE["grey"]


def line_colour(model: str) -> str | None:
    """Return a model's colour; None leaves the choice to plotly."""
    colour = colour_of(model)
    return PALETTE[colour] if colour else None


def symbol(model: str) -> str | None:
    """Return a model's symbol; None leaves the choice to plotly."""
    colour = colour_of(model)
    return SYMBOLS[colour] if colour else None


def plain(figure: go.Figure) -> go.Figure:
    """Give every figure the same quiet look, on light and on dark."""
    return (
        figure.update_layout(
            template="none",
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            font={"family": "system-ui, sans-serif", "size": 13, "color": "#777"},
            # Wide margins above: a legend of two lines stays clear of the titles below it.
            legend={"orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "x": 0},
            margin={"l": 56, "r": 16, "t": 72, "b": 48},
            height=360,
        )
        .update_yaxes(gridcolor="rgba(128,128,128,0.25)", zerolinecolor=GREY, linecolor=GREY)
        .update_xaxes(showgrid=False, zerolinecolor=GREY, linecolor=GREY, showline=True)
        # Labels that do not fit end at their tick: none is cut off at the right.
        .update_xaxes(autotickangles=[0, -35, -90], automargin=True)
    )

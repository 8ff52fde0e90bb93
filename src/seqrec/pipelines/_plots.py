"""One look for every figure."""

from __future__ import annotations

import plotly.graph_objects as go

from seqrec.model_registry import Colour, colour_of

# Okabe and Ito's palette: told apart by colour-blind readers, on light and on dark.
PALETTE: dict[Colour, str] = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "grey": "#999999",
    "green": "#009E73",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "red": "#D55E00",
    "yellow": "#F0E442",
}
BLUE = PALETTE["blue"]
ORANGE = PALETTE["orange"]
GREY = PALETTE["grey"]


def line_colour(model: str) -> str | None:
    """Return a model's colour; None leaves the choice to plotly."""
    colour = colour_of(model)
    return PALETTE[colour] if colour else None


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

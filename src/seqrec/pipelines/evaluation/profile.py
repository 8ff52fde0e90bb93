"""What the data is like: lengths, intervals, popularity, and how it drifts over time."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from ibis import _
from plotly.subplots import make_subplots

from seqrec.pipelines._plots import BLUE, GREY, ORANGE, plain
from seqrec.tables import columns as c

PERIODS = 20
LENGTHS = "history length"
INTERVALS = "interval"
POPULARITY = "popularity"
NEW_ITEMS = "items new to the period"
NEW_USERS = "users new to the period"
ACTIVITY = "activity"
_STEPS = {"tie": 1, "< 1 min": 60, "< 1 h": 3600, "< 1 day": 86_400, "< 30 days": 30 * 86_400}
_LONGEST = "longer"
_COLOURS = {POPULARITY: BLUE, ACTIVITY: GREY, NEW_ITEMS: BLUE, NEW_USERS: ORANGE}
_TOP = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])


def profile_interactions(interactions: ibis.Table) -> pd.DataFrame:
    """Describe the interactions in a few curves.

    Args:
        interactions: With user, item, timestamp, position and delta.

    Returns:
        facet, x, share: users by history length; steps by interval; interactions by the most
        popular items; and, for equal periods from the first to the last time, interactions, and
        those whose item or user had not been seen before the period.
    """
    tables = [
        _lengths(interactions),
        _intervals(interactions),
        _popularity(interactions),
        _drift(interactions),
    ]
    return pd.concat(tables, ignore_index=True)


def plot_profile(profile: pd.DataFrame) -> go.Figure:
    """Draw the curves of `profile_interactions`."""
    panels = [LENGTHS, INTERVALS, POPULARITY, "over time"]
    figure = make_subplots(rows=2, cols=2, subplot_titles=panels, vertical_spacing=0.25)
    for place, facet in enumerate([LENGTHS, INTERVALS]):
        rows = profile[profile["facet"] == facet]
        bars = go.Bar(x=rows["x"], y=rows["share"], showlegend=False, marker_color=BLUE)
        figure.add_trace(bars, row=1, col=place + 1)
    for facet, place in ((POPULARITY, 1), (ACTIVITY, 2), (NEW_ITEMS, 2), (NEW_USERS, 2)):
        rows = profile[profile["facet"] == facet]
        line = go.Scatter(
            x=rows["x"],
            y=rows["share"],
            name=facet,
            showlegend=place == 2,
            line_color=_COLOURS[facet],
        )
        figure.add_trace(line, row=2, col=place)
    figure.update_yaxes(title_text="share of users", row=1, col=1)
    figure.update_yaxes(title_text="share of steps", row=1, col=2)
    figure.update_yaxes(title_text="share of interactions", row=2)
    figure.update_xaxes(title_text="most popular share of items", type="category", row=2, col=1)
    return plain(figure).update_layout(height=640)


def _lengths(interactions: ibis.Table) -> pd.DataFrame:
    lengths = interactions.group_by(c.USER).agg(length=_.count())
    counted = lengths.mutate(bin=_["length"].log2().floor().cast("int64"))
    counts = counted.group_by("bin").agg(n=_.count()).order_by("bin").to_pandas()
    names = [f"{2**power} to {2 ** (power + 1) - 1}" for power in counts["bin"]]
    return _facet(LENGTHS, names, counts["n"])


def _intervals(interactions: ibis.Table) -> pd.DataFrame:
    delta = _[c.DELTA]
    name = ibis.cases(*((delta < limit, label) for label, limit in _STEPS.items()), else_=_LONGEST)
    steps = interactions.filter(_[c.POSITION] > 0).mutate(step=name)
    counts = steps.group_by("step").agg(n=_.count()).to_pandas().set_index("step")["n"]
    ordered = counts.reindex([*_STEPS, _LONGEST], fill_value=0)
    return _facet(INTERVALS, list(ordered.index), ordered)


def _popularity(interactions: ibis.Table) -> pd.DataFrame:
    """Cumulate from the most popular item down; items that occur equally often in one go."""
    counts = interactions.group_by(c.ITEM).agg(times=_.count())
    alike = counts.group_by("times").agg(items=_.count()).order_by(ibis.desc("times")).to_pandas()
    items = np.cumsum(np.r_[0, alike["items"]]) / alike["items"].sum()
    shares = np.cumsum(np.r_[0, alike["items"] * alike["times"]])
    share = np.interp(_TOP, items, shares / shares[-1])
    labels = [f"{top:.0%}" for top in _TOP]
    return pd.DataFrame({"facet": POPULARITY, "x": labels, "share": share})


def _drift(interactions: ibis.Table) -> pd.DataFrame:
    """Count, for each period, what had not been seen before it."""
    time = _[c.TIMESTAMP]
    first, last = interactions.agg(a=time.min(), b=time.max()).to_pandas().iloc[0].astype(int)
    length = max(int(last - first), 1)
    period = ((time - int(first)) * PERIODS / (length + 1)).floor().cast("int64")
    rows = interactions.mutate(period=period)
    new = {
        name: _["period"] == _["period"].min().over(ibis.window(group_by=field))
        for name, field in (("item", c.ITEM), ("user", c.USER))
    }
    counts = rows.mutate(**new).group_by("period")
    table = counts.agg(n=_.count(), item=_["item"].sum(), user=_["user"].sum()).to_pandas()
    table = table.set_index("period").reindex(range(PERIODS), fill_value=0)
    dates = pd.to_datetime(int(first) + length * (table.index + 0.5) / PERIODS, unit="s")
    labels = list(dates.strftime("%Y-%m-%d"))
    total = table["n"].clip(lower=1)
    return pd.concat(
        [
            _facet(ACTIVITY, labels, table["n"]),
            pd.DataFrame({"facet": NEW_ITEMS, "x": labels, "share": (table["item"] / total)}),
            pd.DataFrame({"facet": NEW_USERS, "x": labels, "share": (table["user"] / total)}),
        ]
    )


def _facet(name: str, labels: list[str], counts: pd.Series) -> pd.DataFrame:
    share = counts.to_numpy(dtype=float) / counts.sum()
    return pd.DataFrame({"facet": name, "x": labels, "share": share})

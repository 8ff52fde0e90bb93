"""The data's profile, against pandas."""

import numpy as np
import pandas as pd
import pytest

from seqrec.pipelines.evaluation.profile import (
    ACTIVITY,
    INTERVALS,
    LENGTHS,
    NEW_ITEMS,
    NEW_USERS,
    PERIODS,
    POPULARITY,
    plot_profile,
    profile_interactions,
)
from seqrec.tables import columns as c
from tests.conftest import on_engine


@pytest.fixture(scope="module")
def curves(interactions):
    table = profile_interactions(on_engine(interactions))
    return {name: rows.set_index("x")["share"] for name, rows in table.groupby("facet")}


def test_lengths_and_intervals_are_those_of_the_histories(interactions, curves):
    lengths = interactions.groupby(c.USER).size()
    for label, share in curves[LENGTHS].items():
        low, high = map(int, label.split(" to "))
        assert share == pytest.approx(lengths.between(low, high).mean())
    steps = interactions.loc[interactions[c.POSITION] > 0, c.DELTA]
    assert curves[INTERVALS]["tie"] == pytest.approx((steps == 0).mean())
    assert curves[INTERVALS]["< 1 min"] == pytest.approx(steps.between(1, 59).mean())
    for name in (LENGTHS, INTERVALS, ACTIVITY):
        assert curves[name].sum() == pytest.approx(1)


def test_popularity_cumulates_from_the_most_popular_item(interactions, curves):
    counts = interactions[c.ITEM].value_counts().to_numpy()
    assert curves[POPULARITY]["50%"] == pytest.approx(
        counts[: len(counts) // 2].sum() / counts.sum()
    )
    assert curves[POPULARITY]["100%"] == pytest.approx(1)
    assert curves[POPULARITY].is_monotonic_increasing


def test_drift_by_brute_force(interactions, curves):
    times = interactions[c.TIMESTAMP].to_numpy()
    period = (times - times.min()) * PERIODS // (times.max() - times.min() + 1)
    for name, field in ((NEW_ITEMS, c.ITEM), (NEW_USERS, c.USER)):
        first = pd.Series(period).groupby(interactions[field].to_numpy()).transform("min")
        for number, share in enumerate(curves[name]):
            here = period == number
            assert share == pytest.approx((first[here] == number).mean() if here.any() else 0)
    assert curves[NEW_ITEMS].iloc[0] == 1


def test_the_figure_shows_every_curve(interactions):
    figure = plot_profile(profile_interactions(on_engine(interactions)))
    assert len(figure.data) == 6
    assert all(np.isfinite(trace.y).all() for trace in figure.data)

"""What other pipelines have found on the same data: the report shows it beside its own figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seqrec.model_registry import title_of
from seqrec.pipelines._coverage import coverage_of
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS

LISTS = "_lists"
"""Ends the arguments of `compare_lists`."""
_SHOWN = {"seeds": "{}", "HR@10": "{:.4f}", "NDCG@10": "{:.4f}", "MRR@10": "{:.4f}"}


def leaderboard_table(leaderboard: pd.DataFrame | None, data: str | None) -> pd.DataFrame | None:
    """Lay a leaderboard out if it is of the same data.

    Args:
        leaderboard: From the pipeline ``leaderboard``; None if it was never run.
        data: Fingerprint of the report's data.

    Returns:
        A row per model, best first, as text; None if there is nothing to show.
    """
    if leaderboard is None or not _fits(leaderboard.attrs.get(FACTS), data):
        return None
    shown = {c.MODEL: leaderboard[c.MODEL]}
    for name, form in _SHOWN.items():
        if name in leaderboard:
            shown[name] = leaderboard[name].map(form.format)
    ends = (leaderboard[end].map("{:.4f}".format) for end in ("low", "high"))
    shown["interval of NDCG@10"] = next(ends) + " to " + next(ends)
    pairs = zip(leaderboard[c.MODEL], leaderboard["seeds"], strict=True)
    over = [coverage_of(**{model: seeds}) for model, seeds in pairs]
    shown["over"] = pd.Series(over, leaderboard.index)
    return pd.DataFrame(shown)


def compare_lists(
    compared: dict[str, Any], **list_metrics: dict[str, Any] | None
) -> dict[str, list[dict[str, Any]]]:
    """Gather what the models' lists are like, of those that were made from the same data.

    Args:
        compared: From `describe_compared`.
        **list_metrics: Of each model, under ``<model>_lists``, figures by moment; None if there
            are no lists. `facts` say what they come from.

    Returns:
        `rows`: model, moment and the figures.
    """
    rows = [
        {c.MODEL: title_of(name.removesuffix(LISTS)), c.MOMENT: moment, **values}
        for name, figures in list_metrics.items()
        if figures and _fits(figures.get(FACTS), compared["data"])
        for moment, values in figures.items()
        if moment != FACTS
    ]
    return {"rows": rows}


def _fits(facts: dict[str, Any] | None, data: str | None) -> bool:
    """Tell whether something comes from the present data; what says nothing does not fit."""
    return data is not None and (facts or {}).get("data") == data

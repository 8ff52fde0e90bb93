"""What other pipelines have found on the same data: the report shows it beside its own figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seqrec.metrics.statistics import ONE_USER
from seqrec.model_registry import title_of
from seqrec.pipelines._coverage import coverage_of
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS, HEADLINE, LISTS, facts_fingerprint, is_of_one_user

_ARGUMENT = "_lists"
"""Ends the arguments of `compare_lists`."""
_SHOWN = {"seeds": "{}", "HR@10": "{:.4f}", "NDCG@10": "{:.4f}", "MRR@10": "{:.4f}"}


def leaderboard_table(
    leaderboard: pd.DataFrame | None, data: str | None, headline: tuple[str, str]
) -> pd.DataFrame | None:
    """Lay a leaderboard out if it is of the same data and at the same protocol.

    Args:
        leaderboard: From the pipeline ``leaderboard``; None if it was never run.
        data: Fingerprint of the report's data.
        headline: The report's mask and query time.

    Returns:
        A row per model, best first, as text; None if there is nothing to show.
    """
    facts = {} if leaderboard is None else leaderboard.attrs.get(FACTS, {})
    other_protocol = list(facts.get(HEADLINE, headline)) != list(headline)
    if leaderboard is None or data is None or facts.get("data") != data or other_protocol:
        return None
    shown = {c.MODEL: leaderboard[c.MODEL]}
    for name, form in _SHOWN.items():
        if name in leaderboard:
            shown[name] = leaderboard[name].map(form.format)
    shown["interval of NDCG@10"] = _intervals(leaderboard)
    pairs = zip(leaderboard[c.MODEL], leaderboard["seeds"], strict=True)
    over = [coverage_of(**{model: seeds}) for model, seeds in pairs]
    shown["over"] = pd.Series(over, leaderboard.index)
    return pd.DataFrame(shown)


def _intervals(leaderboard: pd.DataFrame) -> pd.Series:
    """Write the intervals of a leaderboard."""
    low = leaderboard["low"].map("{:.4f}".format)
    high = leaderboard["high"].map("{:.4f}".format)
    alone = pd.Series(ONE_USER, leaderboard.index)
    return alone if is_of_one_user(leaderboard) else low + " to " + high


def compare_lists(
    compared: dict[str, Any], **every_list_metrics: list[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Gather what the lists of the compared trainings are like.

    Args:
        compared: From `describe_compared`.
        **every_list_metrics: Of each model, under ``<model>_lists``, all versions of what
            `describe_lists` makes, oldest first.

    Returns:
        `rows`: model, moment, how the lists were asked for, and the figures; of lists that the
        very training has made on the very data, the newest.
    """
    trained = {model["model"]: model["fingerprint"] for model in compared["models"]}
    rows = []
    for name, versions in every_list_metrics.items():
        title = title_of(name.removesuffix(_ARGUMENT))
        belong = [x for x in versions if _belong(x, compared["data"], trained.get(title))]
        rows += _rows(title, belong[-1]) if belong else []
    return {"rows": rows}


def _belong(lists: dict[str, Any], data: str | None, training: str | None) -> bool:
    """Tell whether a training made lists; those that say nothing of their origin do not count."""
    facts = lists.get(FACTS) or {}
    known = data is not None and facts.get("data") == data and facts.get("experiment")
    return bool(known) and facts_fingerprint(facts["experiment"]) == training


def _rows(title: str, lists: dict[str, Any]) -> list[dict[str, Any]]:
    """Lay one model's lists out, a row per moment."""
    how = lists[FACTS].get(LISTS)
    seen = how and ("left out" if how["exclude_seen"] else "listed too")
    asked = {"users": how["users"], "items in a list": how["k"], "seen items": seen} if how else {}
    return [
        {c.MODEL: title, c.MOMENT: moment, **asked, **figures}
        for moment, figures in lists.items()
        if moment != FACTS
    ]

"""Nodes of ``evaluation``: from ranks to a table a reader can trust."""

from __future__ import annotations

import functools
import logging
from itertools import product
from typing import Any

import pandas as pd

from seqrec.metrics.ranking import metric_table
from seqrec.metrics.statistics import Interval, bootstrap_mean
from seqrec.parameters import Evaluation
from seqrec.pipelines.evaluation.ensemble import shown
from seqrec.pipelines.evaluation.same_data import check_same_data, describe_ranks
from seqrec.pipelines.evaluation.tables import (
    ONE_TRAINING,
    comparison_table,
    fewer_metrics,
    verdict,
)
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS, FINGERPRINT, USERS
from seqrec.tables.protocols import PROTOCOL, at
from seqrec.terminal.screen import page, print_line, widest_that_fits

logger = logging.getLogger(__name__)
_KEYS = [c.USER, *PROTOCOL]


def measure_ranks(target_ranks: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """Turn each rank into the user's HR, NDCG and MRR at every cutoff.

    Args:
        target_ranks: A row per user and protocol.
        evaluation: `cutoffs`.

    Returns:
        user_id, mask, query_time and a column per metric; sorted by them.
    """
    _tell_beyond(max(evaluation.cutoffs), int(target_ranks[c.CANDIDATES].max()))
    ordered = target_ranks.sort_values(_KEYS, ignore_index=True)
    values = metric_table(ordered[c.RANK].to_numpy(), evaluation.cutoffs)
    metrics = pd.concat([ordered[_KEYS], values], axis="columns")
    metrics.attrs[FACTS] = describe_ranks(target_ranks)
    return metrics


def measure_ensemble(
    target_ranks: pd.DataFrame, interaction_stats: dict[str, Any], evaluation: Evaluation
) -> pd.DataFrame:
    """Turn an ensemble's ranks into metrics, if its members were trained on the present data.

    Args:
        target_ranks: A row per user and protocol; none if there is no ensemble.
        interaction_stats: Facts about the present data.
        evaluation: `cutoffs`.

    Returns:
        As `measure_ranks`; no rows if there is nothing to show.
    """
    if target_ranks.empty:
        return target_ranks
    data = target_ranks.attrs[FACTS].get("data")
    if data is None or data != interaction_stats.get(FINGERPRINT):
        logger.warning("ensemble: it was made from other data than is there now: left out")
        return pd.DataFrame()
    return measure_ranks(target_ranks, evaluation)


@functools.cache
def _tell_beyond(cutoff: int, candidates: int) -> None:
    """Say, once, that a cutoff reaches beyond the catalogue."""
    if cutoff > candidates:
        logger.warning(
            "evaluation.cutoffs: at most %d items are ranked, so HR@%d is 1 for everybody",
            *(candidates, cutoff),
        )


def compare_models(evaluation: Evaluation, **metrics: pd.DataFrame) -> pd.DataFrame:
    """Average over users, with bootstrap intervals.

    Args:
        evaluation: Samples, confidence and seed of the bootstrap.
        **metrics: Per-user metrics by model.

    Returns:
        A row per model, protocol and metric: mean, low, high.

    Raises:
        ProjectError: The models were not asked for the same items.
    """
    tables = shown(metrics)
    check_same_data(tables)
    rows = [
        _interval_rows(_values(table, mask, query_time), evaluation).assign(
            **{c.MODEL: model, c.MASK: mask, c.QUERY_TIME: query_time}
        )
        for model, table in tables.items()
        for mask, query_time in product(c.MASKS, c.QUERY_TIMES)
    ]
    wanted = [c.MODEL, *PROTOCOL, "metric", "mean", "low", "high"]
    comparison = pd.concat(rows, ignore_index=True)[wanted]
    comparison.attrs[FACTS] = _count_users(tables)
    return comparison


def subtract_models(evaluation: Evaluation, **metrics: pd.DataFrame) -> pd.DataFrame:
    """Subtract user by user, and give the mean difference its paired bootstrap interval.

    Args:
        evaluation: `reference` is the model the others are subtracted from.
        **metrics: Per-user metrics by model.

    Returns:
        A row per other model, protocol and metric: mean, low, high of reference − other.
    """
    tables = shown(metrics)
    check_same_data(tables)
    reference = tables[evaluation.reference]
    others = {name: table for name, table in tables.items() if name != evaluation.reference}
    rows = [
        _interval_rows(
            _values(reference, mask, query_time) - _values(table, mask, query_time), evaluation
        ).assign(other=other, **{c.MASK: mask, c.QUERY_TIME: query_time})
        for other, table in others.items()
        for mask, query_time in product(c.MASKS, c.QUERY_TIMES)
    ]
    differences = pd.concat(rows, ignore_index=True)
    differences[c.MODEL] = evaluation.reference
    differences.attrs[FACTS] = _count_users(tables)
    wanted = [c.MODEL, "other", *PROTOCOL, "metric", "mean", "low", "high"]
    return differences[wanted]


def print_comparison(
    evaluation: Evaluation,
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    compared: dict[str, Any],
    *_awaited: object,
) -> None:
    """Print the table and the verdict, the last thing a run says.

    Args:
        evaluation: Which protocol is the headline.
        comparison: From `compare_models`.
        differences: From `subtract_models`.
        compared: From `describe_compared`.
        *_awaited: Datasets to wait for. Kedro orders nodes by their inputs and by nothing else.
    """
    console = page()
    tables = [
        comparison_table(comparison, evaluation, names) for names in fewer_metrics(evaluation)
    ]
    console.print(widest_that_fits(tables, console))
    made_of = [
        f"{model['model']}: {'; '.join(model['members'])}."
        for model in compared["models"]
        if model["members"]
    ]
    for line in (*made_of, *verdict(differences, evaluation), ONE_TRAINING):
        print_line(line)


def _values(table: pd.DataFrame, mask: str, query_time: str) -> pd.DataFrame:
    """Take one protocol's metrics, a row per user."""
    return at(table, mask, query_time).set_index(c.USER).drop(columns=PROTOCOL)


def _interval_rows(values: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """Bootstrap every column; a row per metric."""
    interval: Interval = bootstrap_mean(
        values.to_numpy(), evaluation.bootstrap_samples, evaluation.confidence, evaluation.seed
    )
    columns = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return pd.DataFrame({"metric": list(values.columns), **columns})


def _count_users(metrics: dict[str, pd.DataFrame]) -> dict[str, int]:
    """Say over how many users means are; all models were asked for the same."""
    return {USERS: next(iter(metrics.values()))[c.USER].nunique()}

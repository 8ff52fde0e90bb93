"""Nodes of ``recommend_<model>``."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from seqrec.errors import ProjectError
from seqrec.metrics.lists import coverage, genre_diversity, gini, overlap
from seqrec.models.artifact import KeptTraining, ModelArtifact
from seqrec.parameters import Recommend, Runtime
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.facts import FACTS
from seqrec.terminal.screen import page, print_line

SHOWN_USERS = 3
SHOWN_ITEMS = 5


def recommend_items(
    weights: ModelArtifact | list[KeptTraining],
    atomic_files: AtomicFiles,
    runtime: Runtime,
    recommend: Recommend,
    movies: pd.DataFrame,
) -> pd.DataFrame:
    """List what to show to each user, with titles.

    Args:
        weights: A trained model, or the members of an ensemble.
        atomic_files: The data that all were trained on.
        runtime: The machine.
        recommend: How many items, for whom, when, and whether seen ones are left out.
        movies: Titles.

    Returns:
        user_id, moment, place, item_id, score, title.

    Raises:
        ProjectError: Every user has seen every item.
    """
    from seqrec.recbole_bridge import api, ensemble

    if isinstance(weights, ModelArtifact):
        lists = api.recommend(weights, atomic_files, runtime, recommend)
    else:
        lists = ensemble.recommend_by_ensemble(weights, atomic_files, runtime, recommend)
    return add_titles(lists, movies)


def add_titles(lists: pd.DataFrame, movies: pd.DataFrame) -> pd.DataFrame:
    """Add each item's title, or its id where there is none.

    Args:
        lists: A row per user, moment and place.
        movies: Titles.

    Raises:
        ProjectError: There are no rows.
    """
    if lists.empty:
        raise ProjectError(
            "every user has seen every item: there is nothing to recommend unless they may be "
            "listed again (recommend.exclude_seen=false)"
        )
    titles = movies.set_index(c.ITEM)[c.TITLE]
    return lists.assign(
        **{c.TITLE: lists[c.ITEM].map(titles).astype(object).fillna(lists[c.ITEM])}
    )


def describe_lists(
    recommendations: pd.DataFrame, interactions: pd.DataFrame, movies: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Measure coverage, inequality, popularity and genre diversity, and how time changes lists.

    Args:
        recommendations: From `recommend_items`.
        interactions: The catalogue and how popular each item is.
        movies: Genres.

    Returns:
        Figures by moment, and under ``facts`` what the lists were made from and how.
    """
    popularity = interactions[c.ITEM].value_counts()
    genres = movies.set_index(c.ITEM)[c.GENRES]
    moments = {str(m): rows for m, rows in recommendations.groupby(c.MOMENT, sort=False)}
    sets = {
        moment: {str(user): set(items) for user, items in rows.groupby(c.USER)[c.ITEM]}
        for moment, rows in moments.items()
    }
    first = next(iter(sets))
    figures: dict[str, dict[str, Any]] = {
        moment: {
            **_figures(rows, popularity, genres),
            f"shared with {first}": overlap(sets[first], sets[moment]),
        }
        for moment, rows in moments.items()
    }
    return {**figures, FACTS: recommendations.attrs.get(FACTS, {})}


def _figures(rows: pd.DataFrame, popularity: pd.Series, genres: pd.Series) -> dict[str, float]:
    """Measure the lists of one moment."""
    listed = rows[c.ITEM].value_counts().reindex(popularity.index, fill_value=0)
    mixed = [
        genre_diversity([str(genres.get(item, "")) for item in items])
        for _, items in rows.groupby(c.USER)[c.ITEM]
    ]
    return {
        "coverage": coverage(rows[c.ITEM], len(popularity)),
        "gini": gini(listed),
        "mean_popularity": float(rows[c.ITEM].map(popularity).mean()),
        "genre_diversity": sum(mixed) / len(mixed),
    }


def print_lists(
    recommendations: pd.DataFrame, interactions: pd.DataFrame, movies: pd.DataFrame
) -> None:
    """Print some users' latest items and their lists at every moment, side by side.

    Args:
        recommendations: From `recommend_items`.
        interactions: Histories.
        movies: Titles.
    """
    console = page()
    console.print()
    titles = movies.set_index(c.ITEM)[c.TITLE]
    for user in recommendations[c.USER].unique()[:SHOWN_USERS]:
        seen = interactions[interactions[c.USER] == user][c.ITEM].tail(SHOWN_ITEMS)
        latest = "; ".join(str(titles.get(item, item)) for item in seen)
        print_line(f"user {user}, last seen: {latest}")
        mine = recommendations[recommendations[c.USER] == user].groupby(c.MOMENT, sort=False)
        lists = {str(moment): rows[c.TITLE].head(SHOWN_ITEMS) for moment, rows in mine}
        table = Table()
        for moment in lists:
            table.add_column(escape(moment), no_wrap=True, overflow="ellipsis")
        for row in zip(*lists.values(), strict=True):
            table.add_row(*(escape(str(title)) for title in row))
        console.print(table)

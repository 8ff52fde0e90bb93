"""Nodes of ``search_<model>``."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from rich.table import Table

from seqrec.parameter_tree import BLOCKS
from seqrec.parameters import Runtime, SearchableBlock
from seqrec.pipelines._plots import BLUE, GREY, plain
from seqrec.pipelines.search.trials import run_trials
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.terminal.screen import page, print_line
from seqrec.training.studies import StudyStore

VALUE = "valid_metric"
STATE = "state"
SHOWN = 10
"""Trials in the printed table."""


def search_node(name: str) -> Callable[..., pd.DataFrame]:
    """Make the node that searches a model's parameters: Kedro reads their type from it.

    Args:
        name: The model.
    """

    def search(
        atomic_files: AtomicFiles, block: SearchableBlock, runtime: Runtime, study: StudyStore
    ) -> pd.DataFrame:
        """Try hyper-parameters until there are `search.trials` trials.

        Args:
            atomic_files: RecBole's files.
            block: The fixed parameters and the search space.
            runtime: The machine.
            study: Where trials are kept; those of an earlier run count.

        Returns:
            A row per trial.
        """
        return run_trials(name, atomic_files, block, runtime, study)

    search.__name__ = f"search_{name}"
    search.__annotations__["block"] = BLOCKS[name]
    return search


def plot_trials(trials: pd.DataFrame) -> go.Figure:
    """Draw the best value over trials, and every trial's value against each parameter.

    Args:
        trials: From a search.
    """
    names = [str(name) for name in trials if "." in str(name)]
    figure = make_subplots(cols=1 + len(names), subplot_titles=["best so far", *names])
    line = go.Scatter(x=trials["trial"], y=trials[VALUE].cummax(), showlegend=False)
    figure.add_trace(line, row=1, col=1)
    for place, name in enumerate(names, start=2):
        for state, rows in trials.groupby(STATE):
            colour = BLUE if state == "complete" else GREY
            points = go.Scatter(
                x=rows[name],
                y=rows[VALUE],
                mode="markers",
                marker_color=colour,
                name=str(state),
                legendgroup=str(state),
                showlegend=place == 2,
            )
            figure.add_trace(points, row=1, col=place)
    return plain(figure).update_layout(legend_y=1.3, margin_t=80)


def print_trials(trials: pd.DataFrame) -> None:
    """Print the best trials, and what to type to train with the best.

    Args:
        trials: From a search.
    """
    console = page()
    console.print()
    rows = trials.sort_values(VALUE, ascending=False).head(SHOWN).to_dict("records")
    table = Table("trial", VALUE, STATE, "epochs", "seconds", "parameters", title="Best trials")
    for row in rows:
        table.add_row(
            f"{row['trial']}",
            f"{row[VALUE]:.4f}",
            f"{row[STATE]}",
            f"{row['epochs']}",
            f"{row['seconds']:.0f}",
            _in_short(row),
        )
    console.print(table)
    values = ",".join(f"{rows[0]['model']}.{n}={v}" for n, v in _parameters(rows[0]).items())
    print_line(f"Train with the best: --params {values}")


def _parameters(row: dict[Hashable, Any]) -> dict[str, Any]:
    """Return the values a trial tried, by dotted name."""
    return {str(name): value for name, value in row.items() if "." in str(name)}


def _in_short(row: dict[Hashable, Any]) -> str:
    """Write the values a trial tried in one line."""
    values = {name.split(".")[-1]: value for name, value in _parameters(row).items()}
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )

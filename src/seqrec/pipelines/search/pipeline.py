"""Pipelines ``search_<model>``: trials in a database that outlives a run, a table and a plot."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.search import nodes

SEARCHES: dict[str, Callable[..., Any]] = {
    "ss4rec": nodes.search_ss4rec,
    "ncf": nodes.search_ncf,
}


def create_pipeline(model: str) -> Pipeline:
    """Build atomic files → trials → plot → printed table.

    Args:
        model: A namespace that has a `search` block.
    """
    inputs = ["atomic_files", f"params:{model}", "params:runtime", f"{model}.study"]
    trials = f"{model}.trials"
    return Pipeline(
        [
            Node(SEARCHES[model], inputs, trials, name=f"search_{model}"),
            Node(nodes.plot_trials, trials, f"{model}.search_plot", name=f"plot_{model}_trials"),
            Node(nodes.print_trials, trials, None, name=f"print_{model}_trials"),
        ],
        tags="search",
    )

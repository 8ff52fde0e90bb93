"""Pipelines ``search_<model>``: trials in a database that outlives a run, a table and a plot."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.search.nodes import plot_trials, print_trials, search_node


def create_pipeline(model: str) -> Pipeline:
    """Build atomic files → trials → plot → printed table.

    Args:
        model: A namespace that has a `search` block.
    """
    inputs = ["atomic_files", f"params:{model}", "params:runtime", f"{model}.study"]
    trials = f"{model}.trials"
    return Pipeline(
        [
            Node(search_node(model), inputs, trials, name=f"search_{model}"),
            Node(plot_trials, trials, f"{model}.search_plot", name=f"plot_{model}_trials"),
            Node(print_trials, trials, None, name=f"print_{model}_trials"),
        ],
        tags="search",
    )

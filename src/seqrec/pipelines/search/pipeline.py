"""Pipelines ``search_<model>``: trials in a database that outlives a run, a table and a plot."""

from kedro.pipeline import Node, Pipeline

from seqrec.parameters import NCF, SS4Rec
from seqrec.pipelines.search import nodes

SEARCHES = {"ss4rec": SS4Rec, "ncf": NCF}


def create_pipeline(model: str) -> Pipeline:
    """Build atomic files → trials → plot → printed table.

    Args:
        model: A namespace that has a `search` block.
    """
    inputs = ["atomic_files", f"params:{model}", "params:runtime", f"{model}.study"]
    trials, search = f"{model}.trials", nodes.search_node(model, SEARCHES[model])
    return Pipeline(
        [
            Node(search, inputs, trials, name=f"search_{model}"),
            Node(nodes.plot_trials, trials, f"{model}.search_plot", name=f"plot_{model}_trials"),
            Node(nodes.print_trials, trials, None, name=f"print_{model}_trials"),
        ],
        tags="search",
    )

"""Pipelines ``lists_<model>``: what to show to every user, in parts."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.lists.nodes import list_for_everyone


def create_pipeline(model: str) -> Pipeline:
    """Build weights → lists for every user.

    Args:
        model: A trained model.
    """
    asked = [f"{model}.weights", "atomic_files", "params:runtime", "params:recommend"]
    node = Node(list_for_everyone, asked, f"{model}.lists", name=f"list_{model}_for_everyone")
    return Pipeline([node], tags="recommend")

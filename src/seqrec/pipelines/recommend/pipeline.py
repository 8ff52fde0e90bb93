"""Pipelines ``recommend_<model>``: lists at chosen moments, what they are like, some to read."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.recommend import nodes


def create_pipeline(model: str) -> Pipeline:
    """Build weights → recommendations → list metrics → printed lists.

    Args:
        model: A trained model.
    """
    weights, lists, facts = (
        f"{model}.{x}" for x in ("weights", "recommendations", "list_metrics")
    )
    read = [weights, "atomic_files", "params:runtime", "params:recommend", "movies_raw"]
    told = [lists, "interactions@pandas", "movies_raw"]
    return Pipeline(
        [
            Node(nodes.recommend_items, read, lists, name=f"recommend_{model}"),
            Node(nodes.describe_lists, told, facts, name=f"describe_{model}_lists"),
            Node(nodes.print_lists, told, None, name=f"print_{model}_lists"),
        ],
        tags="recommend",
    )

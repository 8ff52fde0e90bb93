"""Pipelines ``recommend_<model>``: lists at chosen moments, what they are like, some to read."""

from kedro.pipeline import Node, Pipeline

from seqrec.pipelines.recommend.nodes import describe_lists, print_lists, recommend_items


def create_pipeline(model: str) -> Pipeline:
    """Build weights → recommendations → list metrics → printed lists.

    Args:
        model: A trained model.
    """
    return create_lists_pipeline(model, f"{model}.weights")


def create_lists_pipeline(model: str, weights: str) -> Pipeline:
    """Build the same from any weights.

    Args:
        model: Namespace of the lists.
        weights: The dataset that they are made from.
    """
    lists = f"{model}.recommendations"
    asked = [weights, "atomic_files", "params:runtime", "params:recommend", "movies_raw"]
    described = [lists, "interactions@pandas", "movies_raw"]
    return Pipeline(
        [
            Node(recommend_items, asked, lists, name=f"recommend_{model}"),
            Node(
                describe_lists,
                described,
                f"{model}.list_metrics",
                name=f"describe_{model}_lists",
            ),
            Node(print_lists, described, None, name=f"print_{model}_lists"),
        ],
        tags="recommend",
    )

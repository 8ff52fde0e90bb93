"""Nodes that are called like their functions."""

from typing import Any

from kedro.pipeline import Node


def named_node(function: Any, needed: Any, made: str | None) -> Node:
    """Make a node with its function's name; Kedro's default names inputs and outputs, too.

    Args:
        function: What it does.
        needed: Datasets, in order or by argument.
        made: The dataset that it makes, if any.
    """
    return Node(function, needed, made, name=function.__name__)

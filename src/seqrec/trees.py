"""Trees of parameters: nested mappings, and the dotted names that a command line has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a tree's leaves by their dotted names.

    >>> list(flat({"dataset": "ml-1m", "ncf": {"training": {"seed": 3}}}))
    [('dataset', 'ml-1m'), ('ncf.training.seed', 3)]
    """
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two trees; where both have a leaf, that of the second counts.

    >>> merged({"ncf": {"seed": 3, "epochs": 5}}, {"ncf": {"seed": 4}})
    {'ncf': {'seed': 4, 'epochs': 5}}
    """
    both = {**below, **above}
    for name, value in below.items():
        other = above.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            both[name] = merged(value, other)
    return both


def spelled(value: object) -> str:
    """Spell a leaf as ``--params`` takes it.

    >>> spelled(None), spelled(True), spelled(0.004)
    ('null', 'true', '0.004')
    """
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Going on from a trained model with more events: ids keep their rows, new ones get rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqrec.errors import ProjectError
from seqrec.models.artifact import KeptTraining, ModelArtifact
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.tables import columns as c

logger = logging.getLogger(__name__)

TABLES = {c.ITEM: "item", c.USER: "user"}
"""How a part of a tensor's name begins if its rows are items or users."""


def take_over(
    model: nn.Module, dataset: InteractionDataset, before: KeptTraining, name: str
) -> dict[str, int]:
    """Begin with a trained model's weights.

    A row goes with its item or user, wherever the present data put them. A new one gets the mean
    of the known rows plus what was drawn for it: scored as an average item, not in a random
    direction, and told from other new ones.

    Args:
        model: As it is drawn for the present data.
        dataset: The present data.
        before: The trained model.
        name: Of the model, for messages.

    Returns:
        New and dropped rows by field: ``new_items``, ``new_users``, ``dropped_users``.

    Raises:
        ProjectError: Items that it knows are not in the present data, or it does not say which
            it knows.
    """
    counts: dict[str, int] = {}
    known = {field: _names(before.artifact, field) for field in TABLES}
    _check_items(known[c.ITEM], dataset, f"{name}.training.warm_start={before.version}")
    weights = {}
    for tensor_name, drawn in model.state_dict().items():
        trained = before.artifact.weights[tensor_name].to(drawn.device)
        field = table_of(tensor_name, len(trained) if trained.dim() else 0, known)
        if field is None:
            weights[tensor_name] = trained
            continue
        rows = _present_rows(known[field], dataset, field)
        weights[tensor_name] = _moved(trained, drawn, rows)
        kind = TABLES[field]
        counts[f"new_{kind}s"] = len(drawn) - 1 - int((rows > 0).sum())
        counts[f"dropped_{kind}s"] = int((rows == 0).sum())
    model.load_state_dict(weights)
    told = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in counts.items())
    logger.info("%s goes on from %s: %s", name, before.version, told)
    return counts


def table_of(name: str, rows: int, known: dict[str, NDArray[np.str_] | None]) -> str | None:
    """Tell whose rows a tensor has: items', users' or nobody's.

    Args:
        name: Of the tensor in a state dict, such as ``encoder.item_embedding.weight``.
        rows: How many it has.
        known: Names of items and users by field, padding left out; None where there are none.
    """
    for field, kind in TABLES.items():
        names = known[field]
        begins = any(part.startswith(kind) for part in name.split("."))
        if begins and names is not None and rows == len(names) + 1:
            return field
    return None


def _names(artifact: ModelArtifact, field: str) -> NDArray[np.str_] | None:
    table: pd.DataFrame | None = artifact.items if field == c.ITEM else artifact.users
    return None if table is None else table[field].to_numpy()


def _check_items(
    known: NDArray[np.str_] | None, dataset: InteractionDataset, parameter: str
) -> None:
    """Refuse a model that knows other items.

    Raises:
        ProjectError: Names how many there are, and the first.
    """
    if known is None:
        raise ProjectError(
            f"{parameter}: that version does not say which items its rows are: it is of an "
            "earlier version of this project; train anew (leave warm_start out)"
        )
    present = dataset.field2token_id[c.ITEM]
    missing = [item for item in known if item not in present]
    if missing:
        raise ProjectError(
            f"{parameter}: {len(missing)} of the {len(known)} items it knows (the first is "
            f"{missing[0]!r}) are not in the present data: it was trained on other data than "
            "these and more events; train anew (leave warm_start out)"
        )


def _present_rows(
    known: NDArray[np.str_] | None, dataset: InteractionDataset, field: str
) -> NDArray[np.int64]:
    """Find the present row of each known name; 0 where it is gone."""
    present = dataset.field2token_id[field]
    names: Sequence[str] = [] if known is None else known.tolist()
    return np.array([present.get(name, 0) for name in names], dtype=np.int64)


def _moved(trained: Tensor, drawn: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Put known rows in their present places.

    Args:
        trained: Padding and the known rows,          (1 + K, ...).
        drawn: Padding and the present rows,          (1 + N, ...).
        rows: Present row of each, 0 for none,        (K,).
    """
    moved = drawn + trained[1:].mean(0)
    moved[0] = trained[0]
    kept = torch.from_numpy(rows > 0)
    moved[torch.from_numpy(rows)[kept].to(drawn.device)] = trained[1:][kept.to(drawn.device)]
    return moved

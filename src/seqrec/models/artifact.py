"""A trained model as data: weights and what is needed to rebuild it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# Nodes name this class in their signatures, and Kedro imports nodes to list pipelines: no torch.
if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@dataclass(frozen=True)
class ModelArtifact:
    """Weights and configuration.

    Attributes:
        weights: Parameters and buffers by name.
        config: Model name, its parameters, the training parameters and the fingerprint of the
            item and user ids it was trained on; plain JSON values.
        items: What the rows of the item embedding stand for, padding left out: item_id, and
            title, year and genres; None for a model of an earlier version.
        users: The same of users, for a model that has an embedding of users.
    """

    weights: dict[str, Tensor]
    config: dict[str, Any]
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None


@dataclass(frozen=True)
class KeptTraining:
    """A training that is kept, and which one.

    Attributes:
        version: Kedro's version, the id of the run that made it.
        artifact: Its weights and configuration.
    """

    version: str
    artifact: ModelArtifact

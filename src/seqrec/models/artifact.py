"""A trained model as data: weights and what is needed to rebuild it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# Nodes name this class in their signatures, and Kedro imports nodes to list pipelines: no torch.
if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ModelArtifact:
    """Weights and configuration.

    Attributes:
        weights: Parameters and buffers by name.
        config: Model name, its parameters, the training parameters and the fingerprint of the
            item and user ids it was trained on; plain JSON values.
    """

    weights: dict[str, Tensor]
    config: dict[str, Any]


@dataclass(frozen=True)
class KeptTraining:
    """A training that is kept, and which one.

    Attributes:
        version: Kedro's version, the id of the run that made it.
        artifact: Its weights and configuration.
    """

    version: str
    artifact: ModelArtifact

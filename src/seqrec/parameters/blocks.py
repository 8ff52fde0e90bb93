"""A model's namespace: its network and how it is trained, and what a search may change."""

from __future__ import annotations

from pydantic import model_validator

from seqrec.parameters.base import Frozen
from seqrec.parameters.models import ModelParameters
from seqrec.parameters.search import Search
from seqrec.parameters.training import Training


class ModelBlock(Frozen):
    """Base of all models' namespaces; each names the type of its own `model`."""

    model: ModelParameters
    training: Training


class SearchableBlock(ModelBlock):
    """A namespace with a search."""

    search: Search

    @model_validator(mode="after")
    def _known_parameters(self) -> SearchableBlock:
        """Refuse a search space that names no parameter."""
        for part, names in self.search.space.items():
            unknown = sorted(names.keys() - type(getattr(self, part)).model_fields.keys())
            if unknown:
                raise ValueError(f"search.space.{part}.{unknown[0]} is no parameter of {part}")
        return self

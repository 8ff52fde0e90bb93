"""A model's namespace: its network and how it is trained, and what a search may change."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError, model_validator

from seqrec.errors import ProjectError
from seqrec.parameters.base import Frozen
from seqrec.parameters.models import ModelParameters
from seqrec.parameters.search import Search
from seqrec.parameters.training import Training


class ModelBlock(Frozen):
    """Base of all models' namespaces; each names the type of its own `model`."""

    model: ModelParameters
    training: Training


class SearchableBlock(ModelBlock):
    """A namespace that may have a search: conf of earlier versions has none for some models."""

    search: Search | None = None

    @model_validator(mode="after")
    def _known_parameters(self) -> SearchableBlock:
        """Refuse a search space that names no parameter."""
        for part, names in self.search.space.items() if self.search else ():
            unknown = sorted(names.keys() - type(getattr(self, part)).model_fields.keys())
            if unknown:
                raise ValueError(f"search.space.{part}.{unknown[0]} is no parameter of {part}")
            for name, values in names.items():
                _check_values(getattr(self, part), f"search.space.{part}.{name}", values.ends())
        return self

    def to_search(self, name: str) -> Search:
        """Return what a search tries.

        Args:
            name: The model, for the complaint.

        Raises:
            ProjectError: The namespace has no ``search`` block.
        """
        if self.search is None:
            raise ProjectError(
                f"{name}.search is missing, so that search_{name} does not know what to try: give "
                f"conf/base/parameters_{name}.yml a block search with trials and space, like that "
                "of conf/base/parameters_ss4rec.yml"
            )
        return self.search


def _check_values(block: Frozen, name: str, values: Iterable[object]) -> None:
    """Refuse a search that would come to a value that its parameter cannot have.

    Raises:
        ValueError: Names the parameter and the value.
    """
    field = name.split(".")[-1]
    for value in values:
        try:
            type(block).model_validate({**block.model_dump(), field: value})
        except ValidationError as error:
            said = error.errors()[0]
            if field in said["loc"]:
                raise ValueError(f"{name} cannot be {value!r}: {said['msg']}") from None

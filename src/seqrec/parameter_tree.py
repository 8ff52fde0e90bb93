"""All parameters together: a namespace for each model of the registry, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field, create_model, field_validator, model_validator

from seqrec.errors import suggest
from seqrec.model_registry import MODELS, RANKERS, ModelSpec
from seqrec.parameters.base import Count, Frozen, Name, Place, Resume
from seqrec.parameters.blocks import ModelBlock, SearchableBlock
from seqrec.parameters.data import DataProcessing, Source
from seqrec.parameters.evaluation import Baselines, Ensemble, Evaluation, Recommend
from seqrec.parameters.export import Export
from seqrec.parameters.runtime import Runtime
from seqrec.parameters.services import Notifications, Tracking


def block_type(spec: ModelSpec) -> type[ModelBlock]:
    """Make the type of a model's namespace.

    Args:
        spec: The model's entry.
    """

    def check(block: ModelBlock) -> ModelBlock:
        training = block.training
        if training.training_mode not in spec.modes or training.loss_type not in spec.losses:
            modes, losses = either(spec.modes), either(spec.losses)
            raise ValueError(f"{spec.short_title} trains with {modes} mode and {losses} loss")
        if training.candidates == "unseen" and not spec.uses_history:
            raise ValueError(
                f"{spec.short_title} has no softmax over items, and the items it draws are unseen "
                "in any case: leave training.candidates out"
            )
        if training.shuffle_ties and not spec.uses_history:
            raise ValueError(
                f"{spec.short_title} reads no histories, so that events have no order to draw: "
                "leave training.shuffle_ties out"
            )
        return block

    fields: dict[str, Any] = {"model": (spec.parameters, ...)}
    validators: dict[str, Any] = {"trains_as_registered": model_validator(mode="after")(check)}
    return create_model(
        spec.short_title,
        __base__=SearchableBlock if spec.searchable else ModelBlock,
        __module__=__name__,
        __doc__=f"Namespace ``{spec.name}``.",
        __validators__=validators,
        **fields,
    )


def either(names: Sequence[str]) -> str:
    """Join alternatives as a sentence does.

    >>> either(["pair"]), either(["CE", "sampled_CE", "BPR"])
    ('pair', 'CE, sampled_CE or BPR')
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def refuse_unknown(names: Sequence[str]) -> None:
    """Refuse names of models that there are not.

    Raises:
        ValueError: Names the first, what may have been meant, and all models.
    """
    for name in names:
        if name not in MODELS:
            known = ", ".join(MODELS)
            raise ValueError(f"{name} is no model{suggest(name, MODELS)}: choose one of {known}")


BLOCKS = {name: block_type(spec) for name, spec in MODELS.items()}
"""The type of each model's namespace, by its name."""


class Tree(Frozen):
    """What all models share; `Parameters` adds their namespaces."""

    data_processing: DataProcessing
    runtime: Runtime
    evaluation: Evaluation
    baselines: Baselines
    recommend: Recommend
    ensemble: Ensemble = Ensemble()
    export: Export = Export()
    tracking: Tracking
    notifications: Notifications
    resume: Resume = Field(
        "auto",
        description="Resume from a training's last checkpoint: auto if configuration and data are "
        "the same, else start anew; true also names what differs; false: always start anew.",
    )
    runs: dict[str, str] = Field(
        {},
        description="Which training of a model counts where it is not trained in the run: "
        "present (of the present configuration and data), latest, best (by validation) or a "
        "version.",
    )
    experiment: Name | None = Field(
        None,
        description="Set on the command line only: a file of conf/experiments, merged over the "
        "environment.",
    )
    epochs_for_use: dict[str, Count] = Field(
        {},
        description="Epochs of a model's training where nothing is held out "
        "(data_processing.split=all); by default what validation chose in the newest training of "
        "the same configuration.",
    )
    dataset: Name | None = Field(
        None, description="Set on the command line only: overrides globals.yml."
    )
    raw: Place | None = Field(None, description="The folder of archives; set like `dataset`.")
    mirror: Place | None = Field(
        None, description="Where archives are downloaded from; set like `dataset`."
    )
    data: Place | None = Field(None, description="The folder runs write to; set like `dataset`.")
    source: Source | None = Field(None, description="A table of your own; set like `dataset`.")

    @field_validator("runs", "epochs_for_use")
    @classmethod
    def _of_models(cls, of_models: dict[str, Any]) -> dict[str, Any]:
        """Refuse a name that is no model's."""
        refuse_unknown(sorted(of_models))
        return of_models

    @field_validator("ensemble")
    @classmethod
    def _of_members(cls, ensemble: Ensemble) -> Ensemble:
        """Refuse members of what is no model."""
        refuse_unknown([member.split("@")[0] for member in ensemble.members or ()])
        return ensemble

    @field_validator("dataset", "raw", "data", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        """Refuse an empty value: defaults, which are not given, do not come here."""
        if value is None:
            raise ValueError("it is empty: leave it out, or give it a value")
        return value

    @field_validator("evaluation")
    @classmethod
    def _known_reference(cls, evaluation: Evaluation) -> Evaluation:
        """Refuse a reference that is no model, nor a model's training on the leaderboard."""
        name = evaluation.reference.split(" (")[0]
        known = [*MODELS, *RANKERS]
        if name not in known:
            raise ValueError(
                f"reference {name!r} is no model{suggest(name, known)}: choose one of "
                + ", ".join(known)
            )
        return evaluation

    def of(self, model: str) -> ModelBlock:
        """Return a model's namespace."""
        return cast(ModelBlock, getattr(self, model))


if TYPE_CHECKING:
    Parameters = Tree  # a type checker cannot see fields that are made from the registry
else:
    Parameters = create_model(
        "Parameters",
        __base__=Tree,
        __module__=__name__,
        __doc__="Every top-level parameter.",
        **{name: (block, ...) for name, block in BLOCKS.items()},
    )

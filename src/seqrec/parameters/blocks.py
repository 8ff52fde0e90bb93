"""A namespace per model, and all of them together."""

from __future__ import annotations

from pydantic import Field, model_validator

from seqrec.parameters import models, reporting
from seqrec.parameters.base import Frozen
from seqrec.parameters.source import Source
from seqrec.parameters.training import Runtime, Search, Training


def _check_space(block: SS4Rec | NCF) -> None:
    """Refuse a search space that names no parameter."""
    for part, names in block.search.space.items():
        unknown = sorted(names.keys() - type(getattr(block, part)).model_fields.keys())
        if unknown:
            raise ValueError(f"search.space.{part}.{unknown[0]} is no parameter of {part}")


class _Sequential(Frozen):
    """A namespace whose model reads histories."""

    training: Training

    @model_validator(mode="after")
    def _histories(self) -> _Sequential:
        if self.training.training_mode == "pair" or self.training.loss_type == "BCE":
            name = type(self).__name__
            raise ValueError(
                f"{name} trains with sequence or prefix mode and CE, sampled_CE or BPR loss"
            )
        return self


class SS4Rec(_Sequential):
    """Namespace ``ss4rec``."""

    model: models.SS4RecModel
    search: Search

    @model_validator(mode="after")
    def _searched(self) -> SS4Rec:
        _check_space(self)
        return self


class NCF(Frozen):
    """Namespace ``ncf``."""

    model: models.NCFModel
    training: Training
    search: Search

    @model_validator(mode="after")
    def _pairs(self) -> NCF:
        _check_space(self)
        if self.training.training_mode != "pair" or "CE" in self.training.loss_type.split("_"):
            raise ValueError("NCF trains with pair mode and BCE or BPR loss")
        return self


class Mamba4Rec(_Sequential):
    """Namespace ``mamba4rec``: SS4Rec without its time-aware half."""

    model: models.SS4RecModel


class SASRec(_Sequential):
    """Namespace ``sasrec``."""

    model: models.SASRecModel


class GRU4Rec(_Sequential):
    """Namespace ``gru4rec``."""

    model: models.GRU4RecModel


class BPRMF(Frozen):
    """Namespace ``bprmf``."""

    model: models.BPRMFModel
    training: Training

    @model_validator(mode="after")
    def _pairwise(self) -> BPRMF:
        if (self.training.training_mode, self.training.loss_type) != ("pair", "BPR"):
            raise ValueError("BPRMF trains with pair mode and BPR loss")
        return self


class Parameters(Frozen):
    """Every top-level parameter."""

    data_processing: reporting.DataProcessing
    ss4rec: SS4Rec
    ncf: NCF
    mamba4rec: Mamba4Rec
    sasrec: SASRec
    gru4rec: GRU4Rec
    bprmf: BPRMF
    runtime: Runtime
    evaluation: reporting.Evaluation
    baselines: reporting.Baselines
    recommend: reporting.Recommend
    tracking: reporting.Tracking
    notifications: reporting.Notifications
    resume: bool = Field(
        False, description="Go on from the last checkpoint of an interrupted training."
    )
    dataset: str | None = Field(
        None, description="Set on the command line only: overrides globals.yml."
    )
    raw: str | None = Field(None, description="Likewise: the folder of archives.")
    mirror: str | None = Field(None, description="Likewise: where archives are downloaded from.")
    data: str | None = Field(None, description="Likewise: the folder runs write to.")
    source: Source | None = Field(None, description="Likewise: a table of your own.")

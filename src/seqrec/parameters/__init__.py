"""Every parameter the project knows, as types.

`Parameters` mirrors ``conf/*/parameters_*.yml``. Unknown keys and wrong types are refused before
the first node runs (`seqrec.hooks.preflight`); nodes then receive these objects, not dicts.
"""

from seqrec.parameters.blocks import BPRMF, NCF, GRU4Rec, Mamba4Rec, Parameters, SASRec, SS4Rec
from seqrec.parameters.models import (
    BPRMFModel,
    GRU4RecModel,
    ModelParameters,
    NCFModel,
    SASRecModel,
    SS4RecModel,
)
from seqrec.parameters.reporting import (
    Baselines,
    DataProcessing,
    Evaluation,
    Notifications,
    Recommend,
    Tracking,
)
from seqrec.parameters.source import Items, Source
from seqrec.parameters.training import Choice, Range, Runtime, Search, Training

__all__ = [
    "BPRMF",
    "NCF",
    "BPRMFModel",
    "Baselines",
    "Choice",
    "DataProcessing",
    "Evaluation",
    "GRU4Rec",
    "GRU4RecModel",
    "Items",
    "Mamba4Rec",
    "ModelParameters",
    "NCFModel",
    "Notifications",
    "Parameters",
    "Range",
    "Recommend",
    "Runtime",
    "SASRec",
    "SASRecModel",
    "SS4Rec",
    "SS4RecModel",
    "Search",
    "Source",
    "Tracking",
    "Training",
]

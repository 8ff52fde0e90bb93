"""Every parameter the project knows, as types.

`seqrec.parameter_tree.Parameters` mirrors ``conf/*/parameters_*.yml``. Unknown keys and wrong
types are refused before the first node runs (`seqrec.hooks.preflight`); nodes then receive these
objects, not dicts.

`seqrec.parameter_tree` is not imported here: it is built from the model registry, which reads the
types below.
"""

from seqrec.parameters.blocks import ModelBlock, SearchableBlock
from seqrec.parameters.data import DataProcessing, Items, Source
from seqrec.parameters.evaluation import Baselines, Ensemble, Evaluation, Recommend
from seqrec.parameters.export import Export
from seqrec.parameters.models import (
    BPRMFModel,
    GRU4RecModel,
    ModelParameters,
    NCFModel,
    SASRecModel,
    SS4RecModel,
)
from seqrec.parameters.runtime import Runtime
from seqrec.parameters.search import Choice, Range, Search
from seqrec.parameters.services import Notifications, Tracking
from seqrec.parameters.training import Training

__all__ = [
    "BPRMFModel",
    "Baselines",
    "Choice",
    "DataProcessing",
    "Ensemble",
    "Evaluation",
    "Export",
    "GRU4RecModel",
    "Items",
    "ModelBlock",
    "ModelParameters",
    "NCFModel",
    "Notifications",
    "Range",
    "Recommend",
    "Runtime",
    "SASRecModel",
    "SS4RecModel",
    "Search",
    "SearchableBlock",
    "Source",
    "Tracking",
    "Training",
]

"""The experiment of record: what conf/base says of every model."""

from __future__ import annotations

from typing import Any

from kedro.config import OmegaConfigLoader

from seqrec.model_registry import MODELS
from seqrec.parameter_tree import Parameters

RECORD = "record"
"""Its entry in the provenance."""
_BASE = "base"


def configuration_of_record(conf_source: str) -> dict[str, Any]:
    """Read it, whatever environment and parameters a run has.

    Args:
        conf_source: The folder of environments.

    Returns:
        `model` and `training` by the model's name, defaults included.
    """
    typed = Parameters.model_validate(_loader(conf_source)["parameters"])
    parameters = typed.model_dump(mode="json")
    parts = ("model", "training")
    return {name: {part: parameters[name][part] for part in parts} for name in MODELS}


def settings_of_base(conf_source: str) -> dict[str, Any]:
    """Read all that conf/base says, parameters and ``globals.yml`` in one tree.

    Args:
        conf_source: The folder of environments.
    """
    loader = _loader(conf_source)
    return {**loader["globals"], **loader["parameters"]}


def _loader(conf_source: str) -> OmegaConfigLoader:
    return OmegaConfigLoader(conf_source, env=_BASE, base_env=_BASE, default_run_env=_BASE)

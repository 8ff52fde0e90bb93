"""Kedro project settings: environments, how their files merge, and hooks."""

import logging
import warnings
from typing import Any

import seqrec.early_signals  # noqa: F401 - first: the rest takes a second to import
from seqrec.config_loader import PersonalConfigLoader
from seqrec.hooks.artefacts import ArtefactHooks
from seqrec.hooks.data_lock import DataChosenHooks, DataLockHooks
from seqrec.hooks.distributed import DistributedHooks
from seqrec.hooks.ensemble import EnsembleHooks, EnsembleMembersHooks
from seqrec.hooks.expected_warnings import is_news
from seqrec.hooks.interruption import InterruptionHooks
from seqrec.hooks.log_lines import LogLevelHooks, use_lines
from seqrec.hooks.next_steps import NextStepHooks
from seqrec.hooks.node_lines import NodeLineHooks
from seqrec.hooks.notifications import NotificationHooks
from seqrec.hooks.plain_errors import PlainErrorHooks
from seqrec.hooks.preflight import PreflightHooks
from seqrec.hooks.provenance import ProvenanceHooks
from seqrec.hooks.runs import RunsHooks
from seqrec.hooks.start import StartHooks
from seqrec.hooks.tracking import TrackingHooks

# Dots are namespaces here ("ss4rec.weights"), and evaluation reads across them on purpose.
warnings.filterwarnings("ignore", message=r"\s*One or more dataset names contain")

# `kedro catalog describe-datasets` warns of validators, which it does not need, and every command
# of `resume`, which is a switch or a word; `seqrec.checks.parameters` checks it. Hooks replace
# datasets: an ensemble that there is not, ranks of a training that holds nothing out.
for _name in (
    "kedro.io.core",
    "kedro.io.data_catalog",
    "kedro.pipeline.node",
    "kedro.runner.sequential_runner",
    "kedro.validation.type_extractor",
):
    logging.getLogger(_name).addFilter(is_news)

use_lines()

_data_lock = DataLockHooks()

# The last is called first.
HOOKS = (
    NextStepHooks(),
    NodeLineHooks(),
    LogLevelHooks(),
    InterruptionHooks(),
    NotificationHooks(),
    TrackingHooks(),
    ProvenanceHooks(),
    DistributedHooks(),
    DataChosenHooks(_data_lock),
    EnsembleMembersHooks(),
    RunsHooks(),
    PreflightHooks(),
    EnsembleHooks(),
    StartHooks(),
    ArtefactHooks(),
    PlainErrorHooks(),
    _data_lock,
)

CONFIG_LOADER_CLASS = PersonalConfigLoader
CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "smoke",
    # Kedro's default replaces whole blocks: an environment could not be a small diff.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}

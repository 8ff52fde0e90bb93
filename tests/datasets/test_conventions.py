"""The folder of Kedro datasets holds Kedro datasets and nothing else."""

import importlib
import inspect
import pkgutil

import pytest
from kedro.io import AbstractDataset

from seqrec import datasets
from seqrec.models import artifact

# How a dataset's own errors pass through Kedro: used by every dataset, a dataset itself it is not.
EXCEPT = {"plain_errors"}
NAMES = {module.name for module in pkgutil.iter_modules(datasets.__path__)} - EXCEPT


def strangers(module):
    """Public functions and classes defined in a module that are no datasets."""
    here = [x for x in vars(module).values() if getattr(x, "__module__", "") == module.__name__]
    public = [x for x in here if not getattr(x, "__name__", "_").startswith("_")]
    kinds = [x for x in public if inspect.isclass(x) or inspect.isfunction(x)]
    return [x for x in kinds if not (inspect.isclass(x) and issubclass(x, AbstractDataset))]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_module_defines_datasets_only(name):
    assert strangers(importlib.import_module(f"seqrec.datasets.{name}")) == []


def test_another_module_would_be_found():
    assert strangers(artifact) != []

"""What scripts need: settings of globals.yml, and paths of the catalog's files."""

from __future__ import annotations

import functools
import operator
from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from seqrec.errors import ProjectError, suggest
from seqrec.model_registry import MODELS


def find_setting(config: AbstractConfigLoader, name: str) -> Any:
    """Return a setting of globals.yml as the catalog sees it: ``--params`` come first.

    Args:
        config: The config loader of an environment.
        name: A key, ``dataset``, or a key of a block, ``engine.backend``.

    Raises:
        ProjectError: There is no such setting.
    """
    for block in (config.runtime_params or {}, config["globals"]):
        try:
            return functools.reduce(operator.getitem, name.split("."), block)
        except (KeyError, TypeError):  # TypeError: a part of the name is no block
            continue
    known = list(config["globals"])
    raise ProjectError(
        f"{name!r} is no setting of globals.yml{suggest(name, known)}: choose one of "
        + ", ".join(known)
    )


def find_file(config: AbstractConfigLoader, name: str) -> Path | None:
    """Return a dataset's path, its newest version if it has versions; None if it does not exist.

    Args:
        config: The config loader of an environment.
        name: A dataset of the catalog.

    Raises:
        ProjectError: The catalog does not know it, or keeps it in memory.
    """
    # The context's own catalog holds the parameters too, for which it imports every pipeline.
    catalog = DataCatalog.from_config(config["catalog"])
    dataset: Any = catalog.get(name)
    if not hasattr(dataset, "_filepath"):
        raise ProjectError(f"{name!r} is no file of the catalog{suggest(name, catalog.keys())}")
    return locate(dataset) if dataset.exists() else None


def locate(dataset: Any) -> Path:
    """Return where a dataset would be read from: the newest version if it has versions."""
    versioned = hasattr(dataset, "_get_load_path")
    return Path(str(dataset._get_load_path() if versioned else dataset._filepath))


def find_model(config: AbstractConfigLoader, name: str) -> Path:
    """Return the folder of a trained model's versions, or of one of them.

    Args:
        config: The config loader of an environment.
        name: ``ss4rec``, or ``ss4rec@<version>``.

    Raises:
        ProjectError: There is no such model, or it was not trained yet.
    """
    model, _, version = name.partition("@")
    if model not in MODELS:
        raise ProjectError(f"{model!r} is no model{suggest(model, MODELS)}: {', '.join(MODELS)}")
    newest = find_file(config, f"{model}.weights")
    if newest is None:
        raise ProjectError(
            f"{model} was not trained yet: kedro run --pipelines train_{model} does it"
        )
    versions = newest.parents[1].absolute()
    if version and not (versions / version).is_dir():
        raise ProjectError(f"{versions} has no version {version}")
    return versions / version if version else versions


def find_in_catalog(name: str, folder: Path | None = None) -> Path | None:
    """Return a dataset's path in the project of a folder; None if it does not exist.

    Args:
        name: A dataset of the catalog.
        folder: Of the project; None for the working directory.

    Raises:
        ProjectError: There is no project, or its catalog has no such file.
    """
    root = (folder or Path.cwd()).absolute()
    if not (root / "pyproject.toml").is_file():
        raise ProjectError(f"{name} is an entry of a catalog, and {root} is no Kedro project")
    bootstrap_project(root)
    with KedroSession.create(root) as session:
        return find_file(session.load_context().config_loader, name)  # type: ignore[attr-defined]

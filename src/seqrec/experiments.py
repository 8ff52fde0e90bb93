"""Experiments that are kept as files: ``conf/experiments/<name>.yml``.

A file holds a description and what the experiment changes, in one tree: parameters, and the
dataset of ``globals.yml``. It is merged over the environment and ``conf/local``, below
``--params``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from fsspec import AbstractFileSystem
from omegaconf import OmegaConf

from seqrec.errors import ProjectError, suggest
from seqrec.trees import flat, spelled

FOLDER = "experiments"
"""Below ``conf``; no environment."""

CHOSEN_BY = "experiment"
"""The parameter that names one: ``--params experiment=NAME``, or ``--experiment NAME``."""

OF_GLOBALS = ("dataset", "source")
"""What an experiment may change of ``globals.yml``; everything else is a parameter."""

NOT_THEIRS = frozenset(
    {
        *("runtime", "raw", "mirror", "data", "engine"),
        *("tracking", "notifications", "resume", "runs", CHOSEN_BY),
    }
)
"""What belongs to a machine or to a single command."""


@dataclass(frozen=True)
class NamedExperiment:
    """An experiment's file.

    Attributes:
        name: The file's, without its ending.
        description: One line.
        changes: What it sets, as a tree.
    """

    name: str
    description: str
    changes: Mapping[str, Any]

    def part_of(self, key: str) -> dict[str, Any]:
        """Return what it changes of ``globals`` or of ``parameters``."""
        of_globals = key == "globals"
        return {k: v for k, v in self.changes.items() if (k in OF_GLOBALS) is of_globals}

    def differing(self, usual: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """Return what it changes that is not so already: values by name, by block.

        Args:
            usual: Settings and parameters without it.
        """
        before = dict(flat(usual))
        found: dict[str, dict[str, str]] = {}
        for name, value in flat(self.changes):
            if name not in before or before[name] != value:
                block = name.split(".")[0]
                found.setdefault(block, {})[name.split(".")[-1]] = spelled(value)
        return found


def list_experiments(files: AbstractFileSystem, conf: str) -> list[str]:
    """List the names of the experiments there are.

    Args:
        files: Where the configuration lies.
        conf: Its folder.
    """
    return sorted(PurePosixPath(path).stem for path in files.glob(f"{conf}/{FOLDER}/*.yml"))


def read_experiment(files: AbstractFileSystem, conf: str, name: str) -> NamedExperiment:
    """Read an experiment.

    Args:
        files: Where the configuration lies.
        conf: Its folder.
        name: The experiment's.

    Raises:
        ProjectError: There is none of that name, or it sets what no experiment may.
    """
    known = list_experiments(files, conf)
    if name not in known:
        there = f"choose one of {', '.join(known)}" if known else "there is none"
        raise ProjectError(
            f"unknown experiment {name!r}{suggest(str(name), known)}: {there} "
            f"(in conf/{FOLDER}; `kedro experiments` describes them)"
        )
    with files.open(f"{conf}/{FOLDER}/{name}.yml", "r", encoding="utf-8") as handle:
        content = OmegaConf.to_container(OmegaConf.create(handle.read()), resolve=True)
    return _checked(name, content)


def _checked(name: str, content: Any) -> NamedExperiment:
    where = f"conf/{FOLDER}/{name}.yml"
    if not isinstance(content, dict) or not isinstance(content.get("description"), str):
        raise ProjectError(f"{where}: it needs a line `description: what this experiment is`")
    changes = {str(key): value for key, value in content.items() if key != "description"}
    wrong = sorted(NOT_THEIRS & changes.keys())
    if wrong:
        raise ProjectError(
            f"{where}: {wrong[0]} belongs to the machine or the command: put it into an "
            "environment or conf/local, or give it with --params"
        )
    return NamedExperiment(name, " ".join(content["description"].split()), changes)

"""Old versions of artefacts: which can go, and removing them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from seqrec.artefacts.version_folders import KnownVersion, find_versions
from seqrec.errors import ProjectError
from seqrec.tables.facts import MEMBERS

MODELS, WEIGHTS, CONFIG = "06_models", "weights", "config.json"
RANKS = ("07_model_output", "target_ranks.parquet")


def plan_prune(data_folder: Path, keep: Collection[str] = ()) -> list[Path]:
    """List the versions that can go; nothing is removed.

    What stays: the newest version of everything; of a model's trainings the newest of each
    configuration, seed and data, and of ensembles the newest of each set of members, which are
    what the leaderboard counts; versions whose manifest cannot be read; and folders that are no
    versions.

    Args:
        data_folder: The folder of ``01_raw`` … ``08_reporting``.
        keep: Names of versions that stay wherever they are.

    Returns:
        The versions' folders.

    Raises:
        ProjectError: A version to keep is nowhere.
    """
    plan, found = [], set()
    for artefact in _artefacts(data_folder):
        folders = find_versions(artefact)
        versions = {version.version for version in folders.known}
        found |= versions
        stays = {folders.newest, *keep} | _trainings_that_count(artefact, data_folder)
        stays |= _ensembles_that_count(folders.known)
        plan += [artefact / version for version in sorted(versions - stays)]
    unknown = sorted(set(keep) - found)
    if unknown:
        raise ProjectError(f"no version {unknown[0]!r} below {data_folder}: nothing is removed")
    return plan


def prune(plan: Collection[Path]) -> None:
    """Remove versions; one that is half removed does not count as a version.

    Args:
        plan: From `plan_prune`.
    """
    for version in plan:
        scratch = version.with_name(f".{version.name}.pruned")
        shutil.rmtree(scratch, ignore_errors=True)
        version.rename(scratch)
        shutil.rmtree(scratch)


def size_of(version: Path) -> int:
    """Return the bytes of a version's files."""
    files = (path for path in version.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def _artefacts(data_folder: Path) -> Iterator[Path]:
    """Find the folders of versions: ``<name>/<version>/<name>``. Links are not followed."""
    for place, names, _ in os.walk(data_folder):
        names[:] = sorted(name for name in names if name[0] != ".")
        folder = Path(place)
        if any(os.path.lexists(folder / name / folder.name) for name in names):
            names.clear()
            yield folder


def _trainings_that_count(artefact: Path, data_folder: Path) -> set[str]:
    """Return the newest version of each training of the model that an artefact belongs to."""
    parts = artefact.relative_to(data_folder).parts
    if len(parts) != 4 or not (parts[0] == MODELS or (parts[0], parts[3]) == RANKS):
        return set()
    weights = data_folder / MODELS / parts[1] / parts[2] / WEIGHTS
    newest = {}
    for version in find_versions(weights).known:
        config = weights / version.version / WEIGHTS / CONFIG
        newest[_training(config)] = version.version
    return set(newest.values())


def _ensembles_that_count(versions: Collection[KnownVersion]) -> set[str]:
    """Return the newest version of each set of members, if the artefact is an ensemble's ranks."""
    newest = {}
    for version in versions:
        facts = version.facts or {}
        if facts.get(MEMBERS):
            members = sorted(member["fingerprint"] for member in facts[MEMBERS])
            newest[facts.get("data"), *members] = version.version
    return set(newest.values())


def _training(config: Path) -> str:
    """Tell trainings apart: configuration, seed and data. An unreadable one is like no other."""
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
        names = ("name", "model", "training", "data", "ids")
        return json.dumps([values.get(name) for name in names], sort_keys=True)
    except (OSError, ValueError, AttributeError):
        return str(config)

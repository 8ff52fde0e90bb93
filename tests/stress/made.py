"""What runs have made in a folder: every version with its manifest, by the run that wrote it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from seqrec.artefacts.manifest import Manifest, find_fault, read_manifest
from seqrec.training.checkpoints import CheckpointStore

COMPARED = (
    "interactions.parquet",
    "toy-interactions.inter",
    "stats.json",
    "model.safetensors",
    "target_ranks.parquet",
    "recommendations.parquet",
    "metrics.parquet",
    "comparison.csv",
    "differences.csv",
    "user_slices.csv",
    "data_profile.csv",
)
"""Files whose bytes are the same whenever the same is done."""

FACTS = ("protocol", "data", "fingerprint", "model", "training")
"""Facts in a manifest that are the same whenever the same is done."""

Made = dict[str, str]
"""Checksums of the compared files, and facts, by their paths without the version."""


class NotWholeError(Exception):
    """Something that counts is not what was written."""


def made_by_run(data: Path) -> dict[str, Made]:
    """Read what every run has made.

    Args:
        data: The folder of ``01_raw`` … ``08_reporting``.

    Raises:
        NotWholeError: A version is damaged.
    """
    found: dict[str, Made] = defaultdict(dict)
    for path, manifest in manifests(data):
        above = path.parents[1].relative_to(data)
        for name in set(FACTS) & manifest.facts.keys():
            found[manifest.run][f"{above}: {name}"] = str(manifest.facts[name])
        for name, record in manifest.files.items():
            if name.split("/")[-1] in COMPARED:
                found[manifest.run][f"{above}/{name}"] = record.xxh3
    return dict(found)


def newest(data: Path) -> Made:
    """Read what counts after all runs: the newest version of everything.

    Raises:
        NotWholeError: A version is damaged.
    """
    made: dict[str, tuple[int, str]] = {}
    for path, manifest in manifests(data):
        above = path.parents[1].relative_to(data)
        for name, record in manifest.files.items():
            place = f"{above}/{name}"
            if name.split("/")[-1] in COMPARED:
                made[place] = max(made.get(place, (0, "")), (manifest.sequence, record.xxh3))
    return {place: xxh3 for place, (_, xxh3) in made.items()}


def manifests(data: Path) -> list[tuple[Path, Manifest]]:
    """Read every version's manifest and hold its files against it.

    Raises:
        NotWholeError: They differ.
    """
    found = []
    for path in sorted(data.glob("**/manifest.json")):
        if any(part.startswith(".") for part in path.relative_to(data).parts):
            continue  # what a killed run was about to write
        manifest = read_manifest(path)
        content = path.parent / path.parents[1].name
        if fault := find_fault(content, manifest.files):
            raise NotWholeError(fault)
        found.append((path, manifest))
    return found


def checkpoints(data: Path) -> dict[str, bool]:
    """Tell of every training's checkpoints whether the training was finished.

    Raises:
        NotWholeError: Some were set aside, or none can be read.
    """
    finished = {}
    for folder in sorted(data.glob("06_models/*/*/checkpoints/experiment-*")):
        if not folder.is_dir():
            continue
        if "-before-" in folder.name:
            raise NotWholeError(f"{folder} was set aside")
        store = CheckpointStore(folder)
        last = store.newest()
        if last is None:
            raise NotWholeError(f"{folder} has no checkpoint")
        finished[f"{folder.parents[1].name}/{folder.name}"] = bool(last.state["finished"])
    return finished

"""What a caller may name a model by: a folder, an entry of the catalog, a W&B artifact."""

from __future__ import annotations

import re
from pathlib import Path

from seqrec.errors import ProjectError

WANDB = "wandb:"
_ENTRY = re.compile(r"[a-z]\w*[.]weights")


def resolve_place(place: str | Path) -> Path:
    """Turn a name into a folder.

    Args:
        place: A folder; ``<model>.weights`` in a Kedro project; or ``wandb:`` and an artifact's
            name.

    Raises:
        ProjectError: The catalog or W&B does not have it.
    """
    text = str(place)
    if text.startswith(WANDB):
        return _download(text.removeprefix(WANDB))
    if _ENTRY.fullmatch(text) and not Path(text).exists():
        return _find_entry(text)
    return Path(place).expanduser()


def _download(name: str) -> Path:
    """Fetch an artifact into W&B's cache, which checks its files.

    Raises:
        ProjectError: W&B is not installed, not reached, or has no such artifact.
    """
    try:
        import wandb
    except ImportError as error:
        raise ProjectError(f"{WANDB}{name} needs W&B: pip install wandb") from error
    try:
        return Path(wandb.Api().artifact(name, type="model").download())
    except Exception as error:  # of whatever W&B and the network raise
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ProjectError(f"{WANDB}{name} cannot be fetched: {line}") from error


def _find_entry(name: str) -> Path:
    """Find the newest version of an entry of the catalog of the project one is in.

    Raises:
        ProjectError: This is no Kedro project, or the entry has no version yet.
    """
    from seqrec.project import find_in_catalog

    found = find_in_catalog(name)
    if found is None:
        model = name.split(".")[0]
        raise ProjectError(f"{name} has no version: kedro run --pipelines train_{model} makes one")
    return found

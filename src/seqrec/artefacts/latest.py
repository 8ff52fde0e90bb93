"""A fixed path to what a run has made last."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def show_latest(version: Path) -> Path:
    """Make ``latest_<name>`` beside the folder of versions lead to one of them.

    It is a relative link, so that the data folder can be moved; where links cannot be made, a
    copy. Kedro does not see it: it lies beside the versions, not among them.

    Args:
        version: A version's file: ``<name>/<version>/<name>``.

    Returns:
        The fixed path.
    """
    folder = version.parents[2]
    latest = folder / f"latest_{version.name}"
    scratch = folder / f".{latest.name}.{os.getpid()}"
    scratch.unlink(missing_ok=True)
    try:
        scratch.symlink_to(version.relative_to(folder))
    except OSError:
        shutil.copyfile(version, scratch)
    scratch.replace(latest)
    return latest

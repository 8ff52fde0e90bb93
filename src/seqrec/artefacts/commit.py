"""Data and manifest get their names: together as a version, or one after the other in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seqrec.artefacts.manifest import MANIFEST, Manifest
from seqrec.engine.atomic_write import (
    flush,
    give_name,
    new_directory,
    new_file,
    scratch_directory,
)

Write = Callable[[Path], None]
Describe = Callable[[Path], Manifest]


def manifest_of(path: Path, versioned: bool) -> Path:
    """Return where the manifest of an artefact lies."""
    return path.with_name(MANIFEST if versioned else f"{path.name}.{MANIFEST}")


def commit_version(path: Path, write: Write, describe: Describe) -> None:
    """Make ``<version>/<name>`` and ``<version>/manifest.json``; both appear or neither.

    Args:
        path: ``<version>/<name>``.
        write: Writes to the path that it is given.
        describe: Makes the manifest of what was written there.
    """
    with new_directory(path.parent) as scratch:
        made = scratch / path.name
        write(made)
        text = describe(made).dumps() + "\n"
        manifest_of(made, versioned=True).write_text(text, encoding="utf-8")


def commit_in_place(path: Path, write: Write, describe: Describe) -> None:
    """Replace ``<name>`` and ``<name>.manifest.json``.

    Killed in between, this leaves whole data without a manifest, not with that of other data.

    Args:
        path: ``<name>``.
        write: Writes to the path that it is given.
        describe: Makes the manifest of what was written there.
    """
    with scratch_directory(path) as scratch:
        made = scratch / path.name
        write(made)
        flush(made)
        manifest = describe(made)
        beside = manifest_of(path, versioned=False)
        beside.unlink(missing_ok=True)
        give_name(made, path)
        with new_file(beside) as handle:
            handle.write(manifest.dumps() + "\n")

"""Which folders of a versioned artefact count as versions, and in which order."""

from __future__ import annotations

import functools
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.artefacts.manifest import MANIFEST, ManifestError, read_manifest

logger = logging.getLogger(__name__)

_KEDROS = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")
"""Kedro's name of a version."""


@dataclass(frozen=True)
class KnownVersion:
    """A version that counts.

    Attributes:
        sequence: Its place in time, from 1; 0 if it was written before there were manifests.
        version: Name of its folder.
        facts: What it came from; None if it has no manifest.
    """

    sequence: int
    version: str
    facts: dict[str, Any] | None


@dataclass(frozen=True)
class VersionFolders:
    """What lies in the folder of a versioned artefact.

    Attributes:
        known: Versions that count, oldest first.
        unreadable: What is wrong with the manifests of others, by version.
    """

    known: tuple[KnownVersion, ...]
    unreadable: dict[str, str]

    @property
    def newest(self) -> str | None:
        """The newest version.

        An unreadable one counts as newer than what its name comes after: nothing else is known
        of its place.
        """
        unread = max(self.unreadable, default="")
        known = self.known[-1].version if self.known else ""
        return max(known, unread) if unread > known else known or None

    @property
    def next_sequence(self) -> int:
        """The sequence of the next version to be written."""
        return 1 + max((version.sequence for version in self.known), default=0)


def find_versions(filepath: Path) -> VersionFolders:
    """Look through the folder of a versioned artefact.

    A folder counts if its manifest names it. One without a manifest counts if it may be older
    than manifests: it has one of Kedro's names and is not empty. Hidden
    folders, and what a crash has left without a content, never count.

    Args:
        filepath: Holds ``<version>/<last part of filepath>`` and ``<version>/manifest.json``.
    """
    known: list[KnownVersion] = []
    unreadable: dict[str, str] = {}
    for folder in _folders(filepath):
        try:
            version = _know(folder, filepath.name)
        except ManifestError as error:
            if not folder.exists():  # another process has just removed it
                continue
            unreadable[folder.name] = f"{folder / MANIFEST} {error}"
        else:
            known += [version] if version else []
    found = VersionFolders(tuple(sorted(known, key=_place)), unreadable)
    _warn(found, filepath)
    return found


def _folders(filepath: Path) -> list[Path]:
    if not filepath.is_dir():
        return []
    return [path for path in filepath.iterdir() if path.is_dir() and path.name[0] != "."]


def _know(folder: Path, name: str) -> KnownVersion | None:
    if _is_empty_file(folder / MANIFEST) and not _has_content(folder / name):
        _warn_once(f"{folder} is empty, as a full disk leaves a copy: it does not count")
        return None
    if not os.path.lexists(folder / MANIFEST):
        legacy = _KEDROS.fullmatch(folder.name) and _has_content(folder / name)
        return KnownVersion(0, folder.name, None) if legacy else None
    manifest = read_manifest(folder / MANIFEST)
    if manifest.version == folder.name:
        return KnownVersion(manifest.sequence, folder.name, manifest.facts)
    _warn_once(
        f"{folder} is a copy of version {manifest.version} or was renamed: it does not count"
    )
    return None


def _is_empty_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == 0


def _has_content(path: Path) -> bool:
    """Return whether it is more than empty files and directories; loading reports damage."""
    if path.is_dir() and not path.is_symlink():
        return any(map(_has_content, path.iterdir()))
    return path.is_symlink() or (path.is_file() and path.stat().st_size > 0)


def _place(version: KnownVersion) -> tuple[int, str]:
    return version.sequence, version.version


def _warn(found: VersionFolders, filepath: Path) -> None:
    """Name versions that do not count, or look newer than the newest that does."""
    for name, fault in found.unreadable.items():
        if name != found.newest:  # that is refused
            _warn_once(f"{fault}: version {name} does not count")
    newest = found.known[-1] if found.known else None
    for version in found.known:
        if (
            newest
            and newest.sequence
            and version.sequence == 0
            and version.version > newest.version
        ):
            _warn_once(
                f"{filepath / version.version} has no {MANIFEST}: it counts as older than "
                f"{newest.version}"
            )


@functools.cache
def _warn_once(message: str) -> None:
    logger.warning(message)

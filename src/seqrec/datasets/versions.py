"""What all artefacts of the catalog share: they are whole, checked, and know their origin."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from kedro.io import AbstractVersionedDataset, Version

from seqrec.artefacts.commit import commit_in_place, commit_version, manifest_of
from seqrec.artefacts.manifest import (
    Manifest,
    ManifestError,
    describe_kind,
    find_fault,
    read_manifest,
    record_files,
)
from seqrec.artefacts.remedies import make_anew
from seqrec.artefacts.version_folders import KnownVersion, VersionFolders, find_versions
from seqrec.datasets.plain_errors import NoVersionError, plainly, reason
from seqrec.errors import ProjectError

SHOWN = 3
"""Versions named in a message."""

_SAVED: set[Path] = set()
"""Versions that this process has written: another's may have the same name, if its run has begun
in the same millisecond."""

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class ManifestDataset(AbstractVersionedDataset[Saved, Loaded]):
    """A file or directory that appears whole or not at all, and is checked when it is loaded.

    A version is ``<filepath>/<version>/<last part of filepath>``, as everywhere in Kedro, with a
    ``manifest.json`` beside it. Without versions the manifest is ``<filepath>.manifest.json``.
    The latest version is the one that was written last, whatever the clock said then; to the run
    that has written one it is its own.

    Subclasses read and write a path.

    Args:
        filepath: The file or directory, or the folder of its versions.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.

    Attributes:
        name: The dataset's name in the catalog, if a hook has told it.
        run_facts: What a hook knows of the run; saved with the next version.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata
        self.name: str | None = None
        self.run_facts: dict[str, Any] = {}

    @abstractmethod
    def _read(self, path: Path) -> Loaded:
        """Read what was written."""

    @abstractmethod
    def _write(self, data: Saved, path: Path) -> None:
        """Write to a path that does not exist yet."""

    def _facts_of(self, data: Saved) -> dict[str, Any]:
        """Tell what the data itself says of its origin."""
        return {}

    def _earlier_facts(self, path: Path) -> dict[str, Any]:
        """Tell the same of what has no manifest."""
        return {}

    def _with_facts(self, data: Loaded, facts: dict[str, Any]) -> Loaded:
        """Hand the facts to whoever loads the data."""
        return data

    def _is_read(self, name: str) -> bool:
        """Tell whether loading depends on a file's content, not on its size alone."""
        return True

    @plainly
    def load(self) -> Loaded:
        """Check and read the data.

        Raises:
            ProjectError: There is none, or it is not what was written.
        """
        path = Path(self._get_load_path())
        with self._reading(path):
            facts = self._checked_facts(path)
            return self._with_facts(self._read(path), facts)

    @plainly
    def save(self, data: Saved) -> None:
        """Write the data and its manifest; they get their names together.

        Raises:
            ProjectError: It cannot be written; nothing is left of it then.
        """
        path = Path(self._get_save_path())
        commit = commit_version if self._version else commit_in_place
        version = path.parent.name if self._version else ""
        try:
            commit(
                path,
                lambda made: self._write(data, made),
                lambda made: self._describe_made(data, made, version),
            )
        except ProjectError:
            raise
        except Exception as error:  # of whatever library writes
            raise ProjectError(
                f"{path} cannot be written: {reason(error)}; mend that, then run it again"
            ) from error
        if version:
            _SAVED.add(path.parent.absolute())

    @plainly
    def facts(self) -> dict[str, Any]:
        """Tell what the version came from that would be loaded, without loading it."""
        path = Path(self._get_load_path())
        with self._reading(path):
            manifest = self._find_manifest(path)
            return manifest.facts if manifest else self._earlier_facts(path)

    @plainly
    def versions(self) -> list[KnownVersion]:
        """List the versions that count and what they came from, oldest first.

        Raises:
            ProjectError: The newest one's manifest cannot be read, or what one from before there
                were manifests says of its origin.
        """
        found = self._find_versions()
        self._refuse_unreadable(found)
        return [
            version if version.facts is not None else self._with_earlier_facts(version)
            for version in found.known
        ]

    def _with_earlier_facts(self, version: KnownVersion) -> KnownVersion:
        path = Path(self._get_versioned_path(version.version))
        with self._reading(path):
            return KnownVersion(version.sequence, version.version, self._earlier_facts(path))

    def _describe_made(self, data: Saved, made: Path, version: str) -> Manifest:
        sequence = self._find_versions().next_sequence if version else 0
        facts = {**self.run_facts, **self._facts_of(data)}
        run = str(self.run_facts.get("run", version))
        return Manifest(sequence, version, run, record_files(made), facts)

    def _checked_facts(self, path: Path) -> dict[str, Any]:
        """Hold the files against the manifest, if there is one.

        Raises:
            ProjectError: They differ, or there is nothing.
        """
        if self._version and not path.parent.is_dir():
            raise ProjectError(self._no_such_version(path.parent.name))
        manifest = self._find_manifest(path)
        if manifest is not None:
            fault = find_fault(path, manifest.files, self._is_read)
        else:
            kind = None if path.is_dir() else describe_kind(path)
            fault = kind and f"{path} {kind}"
        if fault:
            raise ProjectError(f"{fault}: {self._remedy()}")
        return manifest.facts if manifest else self._earlier_facts(path)

    def _find_manifest(self, path: Path) -> Manifest | None:
        beside = manifest_of(path, versioned=bool(self._version))
        if not os.path.lexists(beside):
            return None
        try:
            return read_manifest(beside)
        except ManifestError as error:
            raise ProjectError(f"{beside} {error}: {self._remedy()}") from error

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        """Tell in one line why a path cannot be read."""
        try:
            yield
        except ProjectError:
            raise
        except Exception as error:  # of whatever library reads
            raise ProjectError(
                f"{path} cannot be read ({reason(error)}): {self._remedy()}"
            ) from error

    def _remedy(self) -> str:
        return make_anew(self.name)

    def _no_such_version(self, version: str) -> str:
        known = [known.version for known in self._find_versions().known]
        others = f"; the newest are {', '.join(known[-SHOWN:])}" if known else ""
        return f"{self._filepath} has no version {version}{others}"

    def _find_versions(self) -> VersionFolders:
        try:
            return find_versions(Path(self._filepath))
        except OSError as error:
            raise ProjectError(f"{self._filepath} cannot be read ({error.strerror})") from error

    # Kedro resolves versions by these three.

    @plainly
    def _get_save_path(self) -> PurePosixPath:
        """Return where this run's version goes.

        Raises:
            ProjectError: Another run has the same id, and was first.
        """
        version = self._version and self.resolve_save_version()
        if version and os.path.lexists(self._filepath / version):
            raise ProjectError(
                f"{self._filepath / version} is there already: another run has begun in the same "
                "millisecond; type the command again"
            )
        return super()._get_save_path()

    def _get_versions(self) -> list[str]:
        """Return the paths of the versions that count, newest first."""
        known = reversed(self._find_versions().known)
        return [str(self._get_versioned_path(version.version)) for version in known]

    @plainly
    def _fetch_latest_load_version(self) -> str:
        """Choose the version that this run has written, or the newest.

        Raises:
            NoVersionError: There is none.
            ProjectError: The newest one's manifest cannot be read.
        """
        if self._cached_load_version is None:
            self._cached_load_version = self._choose_version()
        return self._cached_load_version

    def _choose_version(self) -> str:
        own = self._cached_save_version or (self._version and self._version.save)
        if own and Path(self._filepath / own).absolute() in _SAVED:
            return str(own)
        found = self._find_versions()
        self._refuse_unreadable(found)
        if found.newest is None:
            raise NoVersionError(f"{self._filepath} has no version: {self._remedy()}")
        return found.newest

    def _refuse_unreadable(self, found: VersionFolders) -> None:
        if found.newest in found.unreadable:
            raise ProjectError(f"{found.unreadable[found.newest]}: {self._remedy()}")

    def _exists(self) -> bool:
        try:
            return os.path.lexists(self._get_load_path())
        except NoVersionError:
            return False
        except ProjectError:
            return True  # loading it reports what is wrong

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


# Kedro marks the wrapper of `load` and forgets that of a versioned `save`: a subclass would be
# wrapped twice, and its two wrappers would disagree on the version.
vars(ManifestDataset.save)["__savewrapped__"] = True

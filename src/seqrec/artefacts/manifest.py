"""The manifest beside an artefact: its files with their checksums, and what it came from."""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xxhash

MANIFEST = "manifest.json"
FORMAT = 1


class ManifestError(Exception):
    """A manifest cannot be read or is not what was written."""


@dataclass(frozen=True)
class FileRecord:
    """A file as it was written.

    Attributes:
        bytes: Its size.
        xxh3: Its checksum, 16 hexadecimal digits of XXH3.
    """

    bytes: int
    xxh3: str


@dataclass(frozen=True)
class Manifest:
    """What was written.

    Attributes:
        sequence: Counts the versions of a dataset from 1, whatever the clock says.
        version: Name of the version's folder; empty if the dataset has no versions.
        run: Id of the run that wrote it.
        files: By path below the folder that holds the manifest.
        facts: What the artefact came from; plain JSON values.
    """

    sequence: int
    version: str
    run: str
    files: dict[str, FileRecord]
    facts: dict[str, Any]

    def dumps(self) -> str:
        """Return the manifest as JSON, with a checksum of its own."""
        values = {"format": FORMAT, **asdict(self)}
        return json.dumps({**values, "xxh3": _checksum_of(values)}, indent=1, ensure_ascii=False)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Args:
        path: The manifest's file.

    Raises:
        ManifestError: It cannot be read or is not what was written.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        whole = values.pop("xxh3") == _checksum_of(values)
        known = values.pop("format") == FORMAT
        files = {name: FileRecord(**record) for name, record in values.pop("files").items()}
        manifest = Manifest(files=files, **values)
    except OSError as error:
        raise ManifestError(f"cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ManifestError("is damaged") from error
    if not whole:
        raise ManifestError("is not what was written")
    if not known:
        raise ManifestError("is of a later version of this project")
    return manifest


def record_files(content: Path) -> dict[str, FileRecord]:
    """Describe a file, or every file of a directory.

    Args:
        content: The file or directory; paths are relative to the folder that it is in.
    """
    return {
        path.relative_to(content.parent).as_posix(): FileRecord(path.stat().st_size, xxh3(path))
        for path in _files(content)
    }


def find_fault(
    content: Path, files: dict[str, FileRecord], read: Callable[[str], bool] = lambda _: True
) -> str | None:
    """Compare an artefact with what was written.

    Args:
        content: The file or directory.
        files: As `record_files` has described them.
        read: Tells by its name whether a file's content matters, or its size alone.

    Returns:
        The first file that differs, and how; None if all are as they were.
    """
    folder = content.parent
    for name, record in files.items():
        path = folder / name
        fault = _find_fault_of(path, record, read(name))
        if fault:
            return f"{path} {fault}"
    for path in _files(content):
        name = path.relative_to(folder).as_posix()
        if name not in files and not path.name.startswith("."):
            return f"{path} was put there later"
    return None


def describe_kind(path: Path) -> str | None:
    """Say why a path is no file that can be read; None if it is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "is a dangling link" if path.is_symlink() else "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISREG(mode):
        return None
    return "is a directory instead of a file" if stat.S_ISDIR(mode) else "is no file"


def xxh3(path: Path) -> str:
    """Return the XXH3 checksum of a file's content; 10 GB/s from memory.

    The file is mapped, not copied: it must not be cut meanwhile, and artefacts never are.
    """
    with path.open("rb") as handle:
        if not os.fstat(handle.fileno()).st_size:  # nothing can be mapped
            return xxhash.xxh3_64_hexdigest(b"")
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return xxhash.xxh3_64_hexdigest(content)


def _find_fault_of(path: Path, record: FileRecord, read: bool) -> str | None:
    kind = describe_kind(path)
    if kind:
        return kind
    size = path.stat().st_size
    if size != record.bytes:
        return f"has {size} bytes instead of {record.bytes}" if size else "is empty"
    try:
        same = not read or xxh3(path) == record.xxh3
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if same else "is not what was written (its checksum differs)"


def _files(content: Path) -> Iterator[Path]:
    if not content.is_dir():
        yield content
        return
    for path in sorted(content.rglob("*")):
        if not path.is_dir():
            yield path


def _checksum_of(values: dict[str, Any]) -> str:
    """Hash JSON values, alike before they are written and after they are read."""
    plain = json.loads(json.dumps(values))
    return xxhash.xxh3_64_hexdigest(json.dumps(plain, sort_keys=True).encode())

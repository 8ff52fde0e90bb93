"""How a table of one's own was described, kept beside its data: later commands need its name."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seqrec.engine.atomic_write import new_file
from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.sources.movielens_formats import RELEASES

logger = logging.getLogger(__name__)


class Definition:
    """The `source` of a dataset: as given, or as remembered.

    What is given with a path is complete. Without a path it changes what is remembered; if nothing
    is, the dataset is a MovieLens release.

    Args:
        name: The dataset.
        given: Fields of `seqrec.parameters.Source`; None: nothing.
        file: Where the definition is kept; None: it is not.
    """

    def __init__(self, name: str, given: dict[str, Any] | None, file: Path | None) -> None:
        self._name = name
        self._given = given or {}
        self._file = file

    def source(self) -> Source:
        """Return the definition.

        Raises:
            ProjectError: A field is unknown or wrong, what is remembered is damaged, or the name
                is a MovieLens release's.
        """
        if self._given.get("path") and self._name in RELEASES:
            raise ProjectError(
                f"source.path is given, and dataset={self._name} is a MovieLens release: give "
                "your data a name of its own, --params dataset=…, or leave it out, source=null"
            )
        if self._given.get("path"):
            return _checked(self._given, "globals.yml or --params")
        remembered = self._recall()
        merged = {**remembered, **self._given} if remembered else self._given
        return _checked(merged, f"globals.yml, --params or {self._file}")

    def remember(self, source: Source) -> None:
        """Keep a definition under the dataset's name; say so if it was another one."""
        if self._file is None or source.path is None:
            return
        wanted = _plain(source)
        try:
            before = _plain(_checked(self._recall(), "")) if self._file.exists() else wanted
        except ProjectError:  # damaged; it is written anew
            before = {}
        changes = _changes(before, wanted)
        if changes:
            logger.warning(
                "%s is defined anew: %s (remembered in %s)", self._name, changes, self._file
            )
        if before != wanted or not self._file.exists():
            _write(self._file, _move(wanted, self._portable))

    def _portable(self, path: str) -> str:
        """Spell a path in the project so that both can be moved together."""
        return os.path.relpath(path, self._folder) if path.startswith(f"{Path.cwd()}/") else path

    @property
    def _folder(self) -> Path:
        return (self._file or Path()).absolute().parent

    def _recall(self) -> dict[str, Any]:
        """Read what is remembered; nothing if nothing is."""
        if self._file is None or not self._file.exists():
            return {}
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return _move(
                _plain(Source.model_validate(kept)),
                lambda path: os.path.normpath(self._folder / path),
            )
        except (OSError, ValueError, ValidationError) as error:
            raise ProjectError(
                f"{self._file} does not describe a source ({str(error).splitlines()[0]}): "
                f"describe {self._name} once more with --params source.path=…"
            ) from error


def _write(file: Path, fields: dict[str, Any]) -> None:
    try:
        with new_file(file) as handle:
            json.dump(fields, handle, indent=2, ensure_ascii=False)
            handle.write("\n")
    except OSError as error:
        raise ProjectError(f"{file} cannot be written: {error.strerror}") from error


def _checked(fields: dict[str, Any], where: str) -> Source:
    try:
        source = Source.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(("source", *map(str, first["loc"])))
        message = first["msg"].removeprefix("Value error, ")
        raise ProjectError(f"{name}: {message} ({where})") from None
    return source


def _plain(source: Source) -> dict[str, Any]:
    """Return the fields that say something, paths in full."""
    return _move(source.model_dump(exclude_defaults=True), os.path.abspath)


def _move(fields: dict[str, Any], move: Any) -> dict[str, Any]:
    """Rewrite the paths."""
    moved = {**fields, "path": move(fields["path"])} if fields.get("path") else dict(fields)
    if fields.get("items"):
        moved["items"] = _move(fields["items"], move)
    return moved


def _changes(before: dict[str, Any], now: dict[str, Any]) -> str:
    defaults = Source().model_dump()
    names = [name for name in defaults if before.get(name) != now.get(name)]
    return ", ".join(
        f"source.{name}={now.get(name, defaults[name])} (was {before.get(name, defaults[name])})"
        for name in names
    )

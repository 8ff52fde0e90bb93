"""How a table of one's own was described, kept beside its data: later commands need its name."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
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
        return _checked(_over(self._recall(), self._given), f"globals.yml, --params, {self._file}")

    def remember(self, source: Source) -> None:
        """Keep a definition under the dataset's name; say so if it was another one."""
        if self._file is None or source.path is None:
            return
        wanted = _move(source.model_dump(exclude_defaults=True), os.path.abspath)
        try:
            before = self._recall()
        except ProjectError:  # damaged: it is written anew
            before = {}
        if before == wanted:
            return
        _write(self._file, _move(wanted, self._portable))
        if before:
            what = f"is defined anew, {_changes(before, wanted)}"
            logger.warning("%s %s (kept in %s)", self._name, what, self._file)
        else:
            what = f"later commands need dataset={self._name} and no source.*"
            logger.info("the source is remembered in %s: %s", self._file, what)

    def _recall(self) -> dict[str, Any]:
        """Read what is remembered; nothing if nothing is."""
        if self._file is None or not self._file.exists():
            return {}
        try:
            kept = Source.model_validate(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:  # pydantic's and JSON's are ValueErrors
            raise ProjectError(
                f"{self._file} does not describe a source ({str(error).splitlines()[0]}): "
                f"describe {self._name} once more with --params source.path=…"
            ) from error
        fields = kept.model_dump(exclude_defaults=True)
        return _move(fields, lambda path: os.path.normpath(self._folder / path))

    def _portable(self, path: str) -> str:
        """Spell a path in the project so that both can be moved together."""
        return os.path.relpath(path, self._folder) if path.startswith(f"{Path.cwd()}/") else path

    @property
    def _folder(self) -> Path:
        return (self._file or Path()).absolute().parent


def _write(file: Path, fields: dict[str, Any]) -> None:
    try:
        with new_file(file) as handle:
            json.dump(fields, handle, indent=2, ensure_ascii=False)
            handle.write("\n")
    except OSError as error:
        raise ProjectError(f"{file} cannot be written: {error.strerror}") from error


def _checked(fields: dict[str, Any], where: str) -> Source:
    try:
        return Source.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(("source", *map(str, first["loc"])))
        message = first["msg"].removeprefix("Value error, ")
        raise ProjectError(f"{name}: {message} ({where})") from None


def _over(fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Lay what is given over what is remembered, block by block."""
    merged = {**fields, **given}
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(fields.get(name), dict):
            merged[name] = _over(fields[name], value)
    return merged


def _move(fields: dict[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    """Rewrite the paths."""
    moved = {**fields, "path": move(fields["path"])} if fields.get("path") else dict(fields)
    if fields.get("items"):
        moved["items"] = _move(fields["items"], move)
    return moved


def _changes(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Say what is other than before."""
    was, becomes = _flat(before), _flat(now)
    defaults = _flat(Source().model_dump())
    return ", ".join(
        f"{name}={_shown({**defaults, **becomes}.get(name))} "
        f"(was {_shown({**defaults, **was}.get(name))})"
        for name in {**was, **becomes}
        if was.get(name) != becomes.get(name)
    )


def _shown(value: Any) -> str:
    """Spell a value; a tabulator so that it can be seen."""
    text = str(value)
    return text if text.isprintable() and text.strip() else repr(value)


def _flat(fields: dict[str, Any], above: str = "source") -> dict[str, Any]:
    """Name fields as ``--params`` does."""
    flat = {}
    for name, value in fields.items():
        inside = _flat(value, f"{above}.{name}") if isinstance(value, dict) else {}
        flat.update(inside or {f"{above}.{name}": value})
    return flat

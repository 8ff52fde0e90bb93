"""Where a trained model lies, and whether it is what was written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seqrec.artefacts.manifest import MANIFEST, ManifestError, find_fault, read_manifest
from seqrec.artefacts.version_folders import find_versions
from seqrec.errors import ProjectError
from seqrec.model_registry import RANKERS
from seqrec.serving.catalogue import Catalogue, Item, year_of
from seqrec.serving.known_users import KnownUsers
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS, AtomicFiles, ids_file

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_VERSIONS = "weights"
"""Name of a model's folder of versions in a project."""
_MODELS = "06_models"
_INPUT = "05_model_input"


@dataclass(frozen=True)
class ModelFolder:
    """A version of a trained model.

    Attributes:
        path: Holds the weights and their configuration.
        version: Name of the version; that of the folder where there are none.
        config: What was trained, and how.
        data: What it was trained on, if it is at hand.
    """

    path: Path
    version: str
    config: dict[str, Any]
    data: DataFolder | None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The items by the rows of the model's embedding.

        Raises:
            ProjectError: The folder does not name them, and the data are not at hand.
        """
        file = self.path / ids_file(c.ITEM)
        if file.is_file():
            return read_catalogue(file)
        if self.data is None:
            raise ProjectError(
                f"{self.path} does not say what its items are called, of an earlier version: give "
                "the data it was trained on, data='…/05_model_input/<dataset>'"
            )
        return read_catalogue(self.data.path / ids_file(c.ITEM))

    @cached_property
    def users(self) -> list[str]:
        """The users by the rows of the model's embedding, the first of them row 1.

        Raises:
            ProjectError: The folder does not name them, and the data are not at hand.
        """
        file = self.path / ids_file(c.USER)
        if file.is_file():
            return read_tokens(file, c.USER)
        return self.needed_data().known_users.names

    def needed_data(self) -> DataFolder:
        """Return the data.

        Raises:
            ProjectError: They are not at hand.
        """
        if self.data is None:
            raise ProjectError(
                f"histories of known users are not kept with a model, and the data of "
                f"{self.path} are not beside it: give data='…/05_model_input/<dataset>'"
            )
        return self.data


@dataclass(frozen=True)
class DataFolder:
    """A version of the interactions that models are trained on.

    Attributes:
        path: Holds the twin of the atomic files.
    """

    path: Path

    @cached_property
    def known_users(self) -> KnownUsers:
        """Everybody's history, the held-out items too.

        Raises:
            ProjectError: The files are not what was written.
        """
        _check(self.path, lambda name: name.endswith(".parquet"))
        return KnownUsers.read(self.path / INTERACTIONS, read_tokens(self._file(c.USER), c.USER))

    @cached_property
    def ids(self) -> str:
        """What a model's configuration calls its users and items."""
        digest = hashlib.sha256()
        for field in (c.USER, c.ITEM):
            names = ["[PAD]", *read_tokens(self._file(field), field)]
            digest.update("\n".join(names).encode())
        return digest.hexdigest()

    @property
    def fingerprint(self) -> str | None:
        """What was held out for whom."""
        return AtomicFiles(self.path.parent, self.path.name).fingerprint

    def _file(self, field: str) -> Path:
        return self.path / ids_file(field)


def open_model(place: str | Path, version: str | None, data: str | Path | None) -> ModelFolder:
    """Find a trained model and check that it is what was written.

    Args:
        place: ``data/06_models/<dataset>/<model>``, a version below it, or any folder with
            weights and their configuration.
        version: Of several; None for the newest.
        data: ``auto``: what lies in the model's project; None: nothing; or a folder below
            ``05_model_input``.

    Raises:
        ProjectError: There is none, it is damaged, or the data are others.
    """
    path, found = _find(Path(place), version)
    _check(path, lambda _: True)
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        name = config["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{path / CONFIG} does not describe a model of this project") from error
    if not isinstance(name, str):
        raise ProjectError(f"{path / CONFIG} does not describe a model of this project")
    return ModelFolder(path, found, config, _find_data(path, config, data))


def newest_version(place: Path) -> str | None:
    """Name the newest version of a model; None where there are no versions.

    Args:
        place: The model's folder, or that of its versions.
    """
    folder = place / _VERSIONS if (place / _VERSIONS).is_dir() else place
    return find_versions(folder).newest if not (place / WEIGHTS).is_file() else None


def read_tokens(file: Path, field: str) -> list[str]:
    """Read what ids stand for, in their order."""
    import pyarrow.parquet as pq

    return [str(name) for name in pq.ParquetFile(file).read([field])[field].to_pylist()]


def read_catalogue(file: Path) -> Catalogue:
    """Read items with what is known of them."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file).read()
    ids = [str(name) for name in table[c.ITEM].to_pylist()]
    if c.TITLE not in table.column_names:
        return Catalogue([Item(name, name, None, ()) for name in ids])
    columns = (table[name].to_pylist() for name in (c.TITLE, c.YEAR, c.GENRES))
    return Catalogue([_item(*row) for row in zip(ids, *columns, strict=True)])


def _item(name: str, title: str | None, year: int | None, genres: str | None) -> Item:
    told = tuple(genre for genre in (genres or "").split("|") if genre)
    shown = title or name
    return Item(name, shown, year_of(shown) if year is None else int(year), told)


def _find(place: Path, version: str | None) -> tuple[Path, str]:
    """Return the folder with the weights, and the version's name."""
    if version is None:
        for path in (place, place / _VERSIONS):
            if (path / WEIGHTS).is_file():
                return path, path.parent.name if path.name == _VERSIONS else path.name
    folder = place / _VERSIONS if (place / _VERSIONS).is_dir() else place
    found = find_versions(folder)
    chosen = version or found.newest
    if chosen in found.unreadable:
        raise ProjectError(f"{found.unreadable[chosen]}: train the model again")
    known = [each.version for each in found.known]
    if chosen is None or chosen not in known:
        raise ProjectError(_nothing(place, chosen, known))
    return folder / chosen / folder.name, chosen


def _nothing(place: Path, version: str | None, known: list[str]) -> str:
    if version and known:
        return f"{place} has no version {version}; the newest are {', '.join(known[-3:])}"
    if place.name in RANKERS:
        return f"{place.name} ranks without being trained: there is no model to load"
    if place.name and not place.exists():
        return f"there is no folder {place}: train a model (kedro run --pipelines train_ss4rec)"
    return f"{place} holds no trained model: give a folder such as data/06_models/ml-100k/ss4rec"


def _check(path: Path, read: Any) -> None:
    """Hold a version against its manifest, if it has one."""
    beside = path.parent / MANIFEST
    if not os.path.lexists(beside):
        return
    try:
        manifest = read_manifest(beside)
    except ManifestError as error:
        raise ProjectError(f"{beside} {error}: make it anew") from error
    own = {name: record for name, record in manifest.files.items() if name.startswith(path.name)}
    fault = find_fault(path, own, read) if own else None
    if fault:
        raise ProjectError(f"{fault}: make it anew")


def _find_data(path: Path, config: dict[str, Any], data: str | Path | None) -> DataFolder | None:
    if data is None:
        return None
    given = data != "auto"
    places = [Path(data)] if given else list(_beside(path))
    for folder in (folder for place in places for folder in _versions_of(place)):
        if _belongs(folder, config):
            return folder
    if given:
        raise ProjectError(f"{data} holds no data that {path} was trained on")
    return None


def _beside(path: Path) -> Iterator[Path]:
    """Guess where the data of a model lie: in the project whose folder it is in."""
    parts = path.absolute().parts
    if _MODELS in parts[:-1]:
        place = len(parts) - 1 - parts[::-1].index(_MODELS)
        dataset = parts[place + 1]
        yield Path(*parts[:place], _INPUT, dataset)


def _versions_of(place: Path) -> Iterator[DataFolder]:
    """List the versions of data in a folder, the newest first."""
    if (place / INTERACTIONS).is_file():
        yield DataFolder(place)
    inside = sorted(place.iterdir()) if place.is_dir() else []
    for folder in (place, *(path for path in inside if path.is_dir())):
        if (folder / INTERACTIONS).is_file():
            if folder != place:
                yield DataFolder(folder)
            continue
        for known in reversed(find_versions(folder).known):
            if (folder / known.version / folder.name / INTERACTIONS).is_file():
                yield DataFolder(folder / known.version / folder.name)


def _belongs(folder: DataFolder, config: dict[str, Any]) -> bool:
    trained_on = config.get("data")
    told = folder.fingerprint
    return (not trained_on or not told or trained_on == told) and folder.ids == config.get("ids")

"""MovieLens releases: where their tables are, and how they get there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from seqrec.errors import ProjectError, suggest
from seqrec.sources.archives import check_archive, unpack
from seqrec.sources.download import download
from seqrec.sources.movielens_formats import EMBEDDED, MD5, RELEASES, Format, Ratings, Table
from seqrec.sources.movielens_readers import USER_COLUMNS, name_movies


class Release:
    """A MovieLens release, wherever it lies.

    Its archive or its unpacked folder may lie in `folder`; otherwise the archive is downloaded
    there. ML-100K needs no file: the `recbole` package carries it.

    Args:
        name: ``ml-100k``, ``ml-1m``, ``ml-10m``, ``ml-20m``, ``ml-25m``, ``ml-32m`` or
            ``ml-latest-small``.
        folder: Holds ``<name>.zip`` or the unpacked ``<name>/``.
        mirror: Address below which ``<name>.zip`` lies; None: nothing is downloaded.
    """

    def __init__(self, name: str, folder: Path, mirror: str | None = None) -> None:
        self.name = name
        self._folder = folder
        self._mirror = mirror
        self._archive = folder / f"{name}.zip"
        self._unpacked = folder / name

    def provide(self) -> None:
        """Have the release there, and whole: download and check its archive if need be.

        Raises:
            ProjectError: What is missing and how to get it.
        """
        self._format()
        if self._archive.is_file() and not self._unpacked.is_dir():
            check_archive(self._archive, MD5.get(self.name))
        elif self._mirror and not (self._unpacked.is_dir() or self.name == "ml-100k"):
            url = f"{self._mirror.rstrip('/')}/{self._archive.name}"
            download(url, self._archive, MD5.get(self.name))

    def ratings(self) -> tuple[Path, Ratings]:
        """Return the ratings' file, unpacked if need be, and how the release keeps them.

        Raises:
            ProjectError: The release is unknown, not there or damaged.
        """
        path, form = self._find(lambda form: form.ratings.name)
        return path, form.ratings

    def movies(self) -> pd.DataFrame:
        """Read item_id, title, year (of the title's last parenthesis) and genres (``a|b``).

        Raises:
            ProjectError: The release is unknown, not there, damaged or of another format.
        """
        return self._read("movies", name_movies)

    def users(self) -> pd.DataFrame:
        """Read user_id, age, gender, occupation and zip_code; no row if the release has none.

        Raises:
            ProjectError: As for movies.
        """
        if self._format().users is None:
            return pd.DataFrame(columns=USER_COLUMNS, dtype=str)
        return self._read("users", lambda rows: rows.set_axis(USER_COLUMNS, axis="columns"))

    def _read(self, kind: str, named: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        path, form = self._find(lambda form: getattr(form, kind).name)
        table: Table = getattr(form, kind)
        try:
            with path.open(encoding=table.encoding) as text:
                rows = table.read(text)
            if rows.empty:
                raise ValueError("it is empty")
            return named(rows)
        except ProjectError as error:
            raise ProjectError(f"{path}: {error}") from error
        except (ValueError, IndexError, KeyError) as error:
            what = str(error).strip() or type(error).__name__
            raise ProjectError(f"{path} is not a {self.name} {kind} file: {what}") from error

    def _format(self) -> Format:
        if self.name not in RELEASES:
            raise ProjectError(
                f"unknown dataset {self.name!r}{suggest(self.name, RELEASES)}: choose one of "
                f"{', '.join(RELEASES)} (`dataset` in globals.yml or --params dataset=…), or name "
                "a table of your own with source.path"
            )
        return RELEASES[self.name]

    def _find(self, name_of: Callable[[Format], str]) -> tuple[Path, Format]:
        """Find a table of the release, taken out of the archive the first time."""
        form = self._format()
        path = self._unpacked / name_of(form)
        if not path.is_file() and self._archive.is_file():
            unpack(self._archive, f"{form.folder}/{path.name}", path)
        if path.is_file():
            return path, form
        if self.name != "ml-100k":
            raise ProjectError(
                f"{self.name} is not in {self._folder}: put {self._archive.name} or its unpacked "
                "folder there (https://grouplens.org/datasets/movielens/), or use dataset=ml-100k"
            )
        return _embedded_folder() / name_of(EMBEDDED), EMBEDDED


def _embedded_folder() -> Path:
    spec = find_spec("recbole")
    if spec is None or spec.origin is None:
        raise ProjectError("recbole is not installed: it carries ML-100K (make setup)")
    return Path(spec.origin).parent / "dataset_example" / "ml-100k"

"""A file of interactions before it is read: its columns, and how its text is laid out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from seqrec.engine.layout import Layout
from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.sources.lines import open_text
from seqrec.sources.movielens import Release


@dataclass(frozen=True)
class TableFile:
    """A file of interactions.

    Attributes:
        path: Where it is.
        source: Which column is what.
        layout: How a text file holds its rows; None: it is Parquet.
    """

    path: Path
    source: Source
    layout: Layout | None


def open_release(release: Release, source: Source) -> TableFile:
    """Find a MovieLens release's ratings.

    Args:
        release: The release.
        source: What becomes of bad rows; the columns are the release's.

    Raises:
        ProjectError: It is not there, empty, or lacks a column.
    """
    path, ratings = release.ratings()
    first = read_header(path, ratings.separator)
    names = first if ratings.header else list(ratings.columns.values())
    of_release = {**ratings.columns, "separator": ratings.separator}
    source = source.model_copy(update=of_release)
    check_columns(path, names, source)
    return TableFile(path, source, Layout(tuple(names), ratings.separator, int(ratings.header)))


def open_own(path: Path, source: Source) -> TableFile:
    """Find a table of your own.

    Raises:
        ProjectError: It is not there, empty, or lacks a column.
    """
    if not path.is_file():
        raise ProjectError(f"source.path: there is no file {path}")
    if path.suffix in (".parquet", ".pq"):
        return TableFile(path, source, None)
    names = read_header(path, source.separator)
    check_columns(path, names, source)
    return TableFile(path, source, Layout(tuple(names), source.separator, 1))


def read_header(path: Path, separator: str) -> list[str]:
    """Read the first line of a text file, split.

    Raises:
        ProjectError: It is empty or cannot be read.
    """
    try:
        with open_text(path) as handle:
            first = handle.readline().rstrip("\r\n")
    except (OSError, EOFError) as error:
        raise ProjectError(f"{path} cannot be read ({error})") from error
    if not first:
        raise ProjectError(f"{path} is empty")
    if len(separator) > 1:
        return first.split(separator)
    return next(csv.reader([first], delimiter=separator))


def check_columns(path: Path, names: list[str], source: Source) -> None:
    """Check that a file has the columns that `source` names, each of its columns once.

    Raises:
        ProjectError: Names the column.
    """
    for wanted in (source.user, source.item, source.timestamp, source.rating):
        if wanted and wanted not in names:
            raise ProjectError(f"{path}: column {wanted!r} is missing: found {', '.join(names)}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ProjectError(f"{path}: column {twice[0]!r} is there twice")

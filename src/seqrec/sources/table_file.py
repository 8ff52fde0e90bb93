"""A text or Parquet file of one's own: is it one, and does it have the columns?"""

from __future__ import annotations

from pathlib import Path

from seqrec.engine.layout import Layout
from seqrec.engine.names import is_packed
from seqrec.errors import ProjectError
from seqrec.sources.lines import UNREADABLE, open_text, printable, split_lines, unreadable

_KINDS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save it as CSV",
    b"\x1f\x8b": "packed with gzip: give its name the ending .gz",
    b"PAR1": "Parquet: give its name the ending .parquet",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
}
"""What a file that should be text begins with, and what it is then."""
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", "::": "::", ":": "colon"}

Wanted = dict[str, str]
"""The file's own names of columns, by ours."""


def is_parquet(path: Path) -> bool:
    """Tell whether a file is Parquet, by its name."""
    return path.suffix.lower() in (".parquet", ".pq")


def open_layout(
    path: Path, wanted: Wanted, separator: str, optional: Wanted | None = None
) -> Layout:
    """Read the header of a text file.

    Args:
        path: The file.
        wanted: Columns that must be there.
        separator: Between them.
        optional: Columns that are read if they are there.

    Raises:
        ProjectError: It is no text, or a column is missing or there twice.
    """
    check_text(path)
    names = _header(path, separator)
    check_columns(path, names, wanted, _other_separator(path, wanted, separator))
    columns = {**wanted, **those_there(optional, names)}
    places = {ours: names.index(theirs) for ours, theirs in columns.items()}
    return Layout(tuple(names), separator, 1, places)


def check_text(path: Path) -> None:
    """Check that a file is text with something in its first line.

    Raises:
        ProjectError: It is empty, damaged or of another kind.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(4)
        with open_text(path) as text:
            blank = not text.readline().strip("\r\n")
            empty = blank and not text.read(1 << 16).strip()
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    for magic, kind in _KINDS.items():
        if start.startswith(magic) and not is_packed(path):
            raise ProjectError(f"{path} is {kind}")
    if blank:
        what = "is empty" if empty else "begins with an empty line: it must name the columns"
        raise ProjectError(f"{path} {what}")


def _header(path: Path, separator: str) -> list[str]:
    """Read the names of a text file's columns."""
    _line, names = next(split_lines(path, Layout((), separator, 1, {})))
    return [printable(name) for name in names]


def _other_separator(path: Path, wanted: Wanted, separator: str) -> str:
    """Say with which separator the columns would be there, if there is one."""
    for other, name in _SEPARATORS.items():
        if other != separator and set(wanted.values()) <= set(_header(path, other)):
            return f" (they are there with --params source.separator={name})"
    return ""


def check_columns(path: Path, names: list[str], wanted: Wanted, hint: str = "") -> None:
    """Check that a file has columns, each once.

    Raises:
        ProjectError: Names the column, and what is there.
    """
    found = ", ".join(names)
    for theirs in wanted.values():
        if theirs not in names:
            raise ProjectError(f"{path}: column {theirs!r} is missing: found {found}{hint}")
        if names.count(theirs) > 1:
            raise ProjectError(f"{path}: column {theirs!r} is there twice")


def those_there(optional: Wanted | None, names: list[str]) -> Wanted:
    """Keep of the optional columns those that a file has."""
    return {ours: theirs for ours, theirs in (optional or {}).items() if theirs in names}

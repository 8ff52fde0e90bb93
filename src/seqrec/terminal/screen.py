"""The terminal that a command runs in, or the file or pipe in its place.

Colours and widths follow rich's rules: ``NO_COLOR``, ``TERM=dumb``, ``COLUMNS``, whether there is
a terminal at all. A file gets plain text, which is never cut to a width.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from rich import get_console
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

PLAIN_WIDTH = 120
"""Columns of a table in a file, unless COLUMNS says otherwise."""

_BORDER = 3
"""A line and two blanks; there is one line more than there are columns of a table."""

_INDENT = "  "
_ENDLESS = 100_000
"""Columns of a line in a file: whatever reads it looks for whole lines."""


def is_screen(console: Console) -> bool:
    """Tell whether bars can be drawn there and wiped away again.

    ``FORCE_COLOR`` has a build log take colours for a terminal's; it is no screen for that.
    """
    forced = bool(os.environ.get("FORCE_COLOR")) and not console.file.isatty()
    return console.is_terminal and not console.is_dumb_terminal and not forced


def page() -> Console:
    """Return where results are printed: the screen, or text as wide as a table."""
    console = get_console()
    if is_screen(console) or console.file.isatty():
        return console
    return Console(width=None if os.environ.get("COLUMNS") else PLAIN_WIDTH, color_system=None)


def print_line(text: Text | str) -> None:
    """Print a line: a screen breaks it between words, a file keeps it whole."""
    line = Text(text) if isinstance(text, str) else text
    console = get_console()
    if is_screen(console):
        # A path that is longer than the screen runs on, in one piece for whoever copies it.
        console.print(
            between_words(line, console.width), no_wrap=True, overflow="ignore", crop=False
        )
    else:
        plain = Console(width=_ENDLESS, color_system=None)
        plain.print(line, no_wrap=True, overflow="ignore", crop=False)


def between_words(text: Text, width: int) -> Text:
    """Break lines between words, and indent what follows a break.

    Args:
        text: Any number of lines.
        width: Columns of the screen.

    >>> print(between_words(Text("a training starts anew"), 12).plain)
    a training
      starts
      anew
    """
    return Text("\n").join(
        part for line in text.split("\n", allow_blank=True) for part in _broken(line, width)
    )


def _broken(line: Text, width: int) -> Iterator[Text]:
    breaks, column = [], 0
    for word in re.finditer(r"\s*\S+", line.plain):
        size = cell_len(word[0])
        if column and column + size > width:
            breaks.append(word.start())
            size += len(_INDENT) - len(word[0]) + len(word[0].lstrip())
            column = 0
        column += size
    first, *rest = line.divide(breaks)
    yield first
    for part in rest:
        blank = len(part.plain) - len(part.plain.lstrip())
        yield Text(_INDENT) + part[blank:]


def widest_that_fits(tables: Sequence[Table], console: Console) -> Table:
    """Choose the first table that the console has room for; the last one if it has for none.

    Args:
        tables: The same figures in fewer and fewer columns; cells break between words, unless
            their column has `no_wrap`.
        console: Where it will be printed.
    """
    for table in tables:
        if sum(map(_needed, table.columns)) + _BORDER * len(table.columns) < console.width:
            return table
    return tables[-1]


def _needed(column: Column) -> int:
    """Count the columns that its cells need; rich's own measure takes `no_wrap` for a wish."""
    ruler = Console(width=_ENDLESS)
    cells = [Measurement.get(ruler, ruler.options, x) for x in (column.header, *column.cells)]
    return max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)

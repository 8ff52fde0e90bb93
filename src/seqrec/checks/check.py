"""What a check is: it returns what it found, or raises what is wrong and how to mend it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.markup import escape

from seqrec.services import one_line


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        name: What was looked at.
        passed: False stops.
        detail: What was seen; if it stops, the remedy too.
        facts: Figures for later, plain JSON values.
    """

    name: str
    passed: bool
    detail: str
    facts: Mapping[str, object] = field(default_factory=dict)


def look(name: str, check: Callable[[], Check]) -> tuple[Check, float]:
    """Run a check; an error of its own is a red line, not a traceback.

    Returns:
        The check and its seconds.
    """
    started = time.perf_counter()
    try:
        found = check()
    except Exception as error:
        found = Check(name, False, one_line(error))
    return found, time.perf_counter() - started


def as_line(check: Check, seconds: float) -> str:
    """Format a check for a terminal, in rich's markup."""
    mark = "[green]ok  [/]" if check.passed else "[bold red]STOP[/]"
    return f"{mark} {check.name:16} {escape(check.detail)} [dim]({seconds:.1f} s)[/]"

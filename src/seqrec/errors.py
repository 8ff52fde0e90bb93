"""The errors a user is meant to read; the command line prints them as one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProjectError(Exception):
    """A mistake that the user can fix: one line that names the culprit and the remedy.

    Attributes:
        exit_code: Status of a command that ends with it.
    """

    exit_code = 1


class RunInterruptedError(ProjectError):
    """A signal stopped the run, which can be resumed; the exit status is not a failure's."""

    exit_code = 75  # EX_TEMPFAIL: try again later


class LostProcessError(ProjectError):
    """Another process of a training is gone, and this one cannot go on without it.

    Args:
        message: Which, and what to do.
        speaks: Whether this process is the one of those left that tells the user.
    """

    def __init__(self, message: str, speaks: bool) -> None:
        super().__init__(message)
        self.speaks = speaks


def own_error(error: BaseException | None) -> ProjectError | None:
    """Find the project's own error behind what a framework has wrapped around it.

    Args:
        error: What was caught; its causes are followed.
    """
    while error is not None and not isinstance(error, ProjectError):
        error = error.__cause__
    return error


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what a misspelt name may have meant, to be put behind it.

    Args:
        name: What was typed.
        known: What there is.

    >>> suggest("evaluaton", ["evaluation", "train_ncf"]), suggest("moon", ["evaluation"])
    (' (did you mean evaluation?)', '')
    >>> suggest("clean_rating", ["data_processing.clean_ratings"])
    ' (did you mean data_processing.clean_ratings?)'
    """
    names = {other: other for other in known}
    last_parts = {other.split(".")[-1]: other for other in names}
    for spelled in (names, last_parts):
        if close := difflib.get_close_matches(name, spelled, n=1):
            return f" (did you mean {spelled[close[0]]}?)"
    return ""

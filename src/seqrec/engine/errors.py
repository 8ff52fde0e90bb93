"""What an engine complains about, in one line."""

from __future__ import annotations

from seqrec.errors import ProjectError


class EngineError(ProjectError):
    """Input, memory or disk is at fault, not the program."""


def first_line(error: Exception) -> str:
    """Shorten an engine's message, which may continue with advice and stack traces."""
    return str(error).strip().splitlines()[0]

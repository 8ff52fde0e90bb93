"""The project's errors as Click prints them: ``Error: …`` and a status, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from seqrec.errors import ProjectError, own_error
from seqrec.services import redact


class CommandError(ProjectError, click.ClickException):
    """A `ProjectError` on its way to the command line."""

    def __init__(self, error: ProjectError) -> None:
        super().__init__(redact(str(error)))
        self.exit_code = error.exit_code


@contextmanager
def command_errors() -> Iterator[None]:
    """Hand the project's own errors to Click while the block runs.

    Raises:
        CommandError: What Click prints in one line.
    """
    try:
        yield
    except Exception as error:
        own = own_error(error)
        if own is None:
            raise
        raise CommandError(own) from error

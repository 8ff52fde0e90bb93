"""The errors a user is meant to read."""

import click


class ProjectError(click.ClickException):
    """A mistake the user can mend: one line that names the culprit and the remedy.

    Click prints it as ``Error: …`` without a traceback and exits with status 1; in Python it is
    an ordinary exception.
    """


class RunInterruptedError(ProjectError):
    """A signal stopped the run and it can be resumed; the status tells it from a failure."""

    exit_code = 75  # EX_TEMPFAIL: try again later

"""The error a user is meant to read."""

import click


class ProjectError(click.ClickException):
    """A mistake the user can mend: one line that names the culprit and the remedy.

    Click prints it as ``Error: …`` without a traceback and exits with status 1; in Python it is
    an ordinary exception.
    """

"""The errors a user is meant to read."""

import click
from kedro.io.core import DatasetError


class ProjectError(click.ClickException, DatasetError):
    """A mistake the user can mend: one line that names the culprit and the remedy.

    Click prints it as ``Error: …`` without a traceback and exits with status 1; in Python it is
    an ordinary exception. As a `DatasetError` it leaves a dataset as it is: Kedro wraps others in
    a text of many lines.
    """


class RunInterruptedError(ProjectError):
    """A signal stopped the run and it can be resumed; the status tells it from a failure."""

    exit_code = 75  # EX_TEMPFAIL: try again later

"""The project's errors as Click prints them: ``Error: …`` and a status, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from kedro.config import MissingConfigException
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.project import settings
from kedro.io import DatasetNotFoundError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqrec.errors import LostProcessError, ProjectError, RunInterruptedError, own_error
from seqrec.hooks.run_facts import first_process
from seqrec.services import redact


class CommandError(ProjectError, click.ClickException):
    """A `ProjectError` on its way to the command line."""

    def __init__(self, error: ProjectError) -> None:
        super().__init__(redact(str(error)))
        self.exit_code = error.exit_code


@contextmanager
def command_errors() -> Iterator[None]:
    """Hand the project's own errors, and Kedro's about a command line, to Click.

    Raises:
        CommandError: What Click prints in one line.
    """
    try:
        yield
    except Exception as error:
        own = own_error(error) or _from_configuration(error) or _from_command_line(error)
        if own is None:
            raise
        if not _is_told_here(own):
            raise SystemExit(own.exit_code) from error
        raise CommandError(own) from error


def _is_told_here(error: ProjectError) -> bool:
    """Tell whether this process prints an error that all processes of a training have."""
    if isinstance(error, LostProcessError):
        return error.speaks
    return first_process() or not isinstance(error, RunInterruptedError)


def _from_command_line(error: Exception) -> ProjectError | None:
    """Reword what Kedro has against a command: its own way of showing it prints a traceback."""
    if not isinstance(error, (KedroCliError, DatasetNotFoundError)):
        return None
    if isinstance(error.__cause__, ImportError):
        missing = error.__cause__.name
        return ProjectError(f"{missing} is not installed: pip install {missing}")
    return ProjectError(" ".join(str(error).split()))


def _from_configuration(error: Exception) -> ProjectError | None:
    """Reword what YAML, OmegaConf and Kedro have against a file of the configuration."""
    unreadable = isinstance(error, (YAMLError, OmegaConfBaseException, UnicodeDecodeError))
    if unreadable and (broken := find_broken_file(Path(settings.CONF_SOURCE))):
        return ProjectError(broken)
    told = (YAMLError, OmegaConfBaseException, MissingConfigException)
    twice = isinstance(error, ValueError) and str(error).startswith("Duplicate keys")
    if isinstance(error, told) or twice:
        return ProjectError(f"configuration: {' '.join(str(error).split())}")
    return None


def find_broken_file(folder: Path) -> str | None:
    """Say which file below a folder is no YAML, where and why; None if all are.

    Args:
        folder: Of the configuration.
    """
    for path in sorted(folder.rglob("*.yml")):
        try:
            OmegaConf.load(path)
        except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            why = getattr(error, "problem", None) or str(error).splitlines()[0]
            return f"{path}{line} is no YAML: {why}"
    return None

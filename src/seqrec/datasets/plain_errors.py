"""The project's own errors on their way through Kedro, which wraps every other into many lines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from kedro.io import DatasetError
from kedro.io.core import VersionNotFoundError

from seqrec.errors import ProjectError, RunInterruptedError

P = ParamSpec("P")
R = TypeVar("R")


class PlainDatasetError(ProjectError, DatasetError):
    """A `ProjectError` that Kedro passes on as it is."""


class NoVersionError(PlainDatasetError, VersionNotFoundError):
    """There is no version to load; to Kedro, the dataset does not exist."""


class InterruptedDatasetError(RunInterruptedError, DatasetError):
    """A `RunInterruptedError` that Kedro passes on as it is."""


def plainly(method: Callable[P, R]) -> Callable[P, R]:
    """Have a dataset's method raise its `ProjectError` so that Kedro leaves it alone."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except DatasetError:
            raise
        except RunInterruptedError as error:
            raise InterruptedDatasetError(str(error)) from error
        except ProjectError as error:
            raise PlainDatasetError(str(error)) from error

    return guarded


def reason(error: BaseException) -> str:
    """Say in one line what is behind an error that Kedro may have wrapped."""
    while isinstance(error, DatasetError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

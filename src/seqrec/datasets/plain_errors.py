"""The project's own errors on their way through Kedro, which wraps every other into many lines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from kedro.io import DatasetError

from seqrec.errors import ProjectError, RunInterruptedError

P = ParamSpec("P")
R = TypeVar("R")


class PlainDatasetError(ProjectError, DatasetError):
    """A `ProjectError` that Kedro passes on as it is."""


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

"""Why a request is refused, and with which status."""

from __future__ import annotations

from seqrec.errors import ProjectError


class RefusedError(ProjectError):
    """A request that is refused.

    Attributes:
        status: Of the answer.
    """

    status = 422


class NotFoundError(RefusedError):
    """What is asked for is not there."""

    status = 404


class ConflictError(RefusedError):
    """An event that cannot follow the session's last."""

    status = 409


class BusyError(RefusedError):
    """Too much is waiting, or the store does not answer."""

    status = 503

"""Errors as answers: one line of JSON, and nothing of what lies behind."""

from __future__ import annotations

import logging

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from seqrec.errors import ProjectError
from seqrec.serving.service.faults import BusyError, RefusedError

logger = logging.getLogger(__name__)

JSON = "application/json"
NO_JSON = 400


def answer_error(status: int, message: str) -> Response:
    """Make the answer to a request that is refused.

    Args:
        status: Of HTTP.
        message: Its first line is told.
    """
    line = " ".join(message.split())[:500]
    headers = {"Retry-After": "1"} if status == BusyError.status else None
    return Response(orjson.dumps({"error": line}), status, headers, JSON)


def add_answers_to_errors(app: FastAPI) -> None:
    """Have an application answer every error alike."""
    app.add_exception_handler(ProjectError, _project_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _project_error(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, RefusedError) else RefusedError.status
    return answer_error(status, str(error))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return answer_error(NO_JSON, f"the body is no JSON: {first['ctx'].get('error', '')}")
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    message = first["msg"].removeprefix("Value error, ")
    return answer_error(RefusedError.status, f"{where[:100]}: {message}")


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    return answer_error(error.status_code, error.detail)


async def _unexpected(_: Request, error: Exception) -> Response:
    logger.error("a request failed: %s", type(error).__name__, exc_info=error)
    return answer_error(500, "something went wrong here; the service's log says what")

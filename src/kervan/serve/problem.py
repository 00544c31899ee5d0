"""Errors as HTTP answers: RFC 9457 problems that say what is wrong, where, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kervan.core.errors import InvalidInput, KervanError, NotFound, RefusedRow, ServerFailed, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"


_STATUS: tuple[tuple[type[KervanError], int, str], ...] = (
    (RefusedRow, 422, "row"),
    (InvalidInput, 400, "body"),
    (NotFound, 404, "name"),
    (StorageFailed, 503, "record"),
    (ServerFailed, 500, "answer"),
    (KervanError, 500, "other"),
)


class HttpProblem(Exception):
    """A request that HTTP itself has a status for."""

    def __init__(
        self, status: int, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.hint = hint
        self.headers = dict(headers or {})
        self.members: dict[str, Any] = {}


def to_problem(error: Exception) -> tuple[HttpProblem, str]:
    """Return an error's HTTP form, and the reason under which it is counted, or ""."""
    if isinstance(error, HttpProblem):
        return error, ""
    if isinstance(error, HTTPException):
        return _from_starlette(error), ""
    if not isinstance(error, KervanError):  # nothing of it leaves: the server's log has it
        return HttpProblem(500, "the server failed", hint="its log says why"), "surprise"
    status, reason = next((status, reason) for kind, status, reason in _STATUS if isinstance(error, kind))
    problem = HttpProblem(status, str(error), hint=error.hint)
    if status == 503:
        problem.headers["retry-after"] = "1"
    if isinstance(error, RefusedRow):
        problem.members = {"row": error.row, "field": error.field}
    return problem, reason


def _from_starlette(error: HTTPException) -> HttpProblem:
    if error.status_code == 404:
        return HttpProblem(404, "there is nothing at this path", hint="POST /predict asks for predictions")
    return HttpProblem(error.status_code, error.detail, headers=error.headers)


def respond(problem: HttpProblem, *, request_id: str, path: str) -> Response:
    """Write a problem; under `/v2` it also has the member `error` that the protocol there asks for."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem),
        **problem.members,
    }
    if problem.hint:
        content["hint"] = problem.hint
    if path == "/v2" or path.startswith("/v2/"):
        content["error"] = str(problem)
    content["request"] = request_id
    return Response(
        msgspec.json.encode(content),
        status_code=problem.status,
        media_type=CONTENT_TYPE,
        headers=problem.headers,
    )

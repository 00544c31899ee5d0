"""Errors as HTTP answers: RFC 9457 problems that say what is wrong, where, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import (
    Conflict,
    InvalidInput,
    KervanError,
    NotFound,
    Refused,
    RefusedRow,
    ServerFailed,
    StorageFailed,
    TooManyRows,
)
from kervan.core.ports import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"


BY_ERROR: tuple[tuple[type[KervanError], int, str], ...] = (
    (RefusedRow, 422, "row"),
    (InvalidInput, 400, "body"),
    (NotFound, 404, "name"),
    (Conflict, 409, "conflict"),
    (Refused, 403, "rule"),
    (StorageFailed, 503, "record"),
    (ServerFailed, 500, "answer"),
    (KervanError, 500, "other"),
)


BY_STATUS = {
    401: "key",
    403: "access",
    404: "route",
    405: "method",
    406: "accept",
    408: "slow",
    413: "size",
    415: "kind",
    421: "host",
    429: "rate",
    503: "busy",
}
REASONS = tuple(
    sorted({*BY_STATUS.values(), *(reason for *_, reason in BY_ERROR), "http", "surprise"})
)  # under which refusals are counted


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
        self.complaint = ""  # the member in which callers of the protocol look for the message


def to_problem(error: Exception) -> tuple[HttpProblem, str]:
    """Return an error's HTTP form, and the reason under which it is counted."""
    if isinstance(error, HttpProblem):
        return error, BY_STATUS.get(error.status, "http")
    if not isinstance(error, KervanError):  # nothing of it leaves: the server's log has it
        return HttpProblem(500, "the server failed", hint="its log says why"), "surprise"
    status, reason = next((status, reason) for kind, status, reason in BY_ERROR if isinstance(error, kind))
    problem = HttpProblem(status, str(error), hint=error.hint)
    if status == 503:
        problem.headers["retry-after"] = "1"
    if isinstance(error, RefusedRow):
        problem.members = {"row": error.row, "field": error.field}
    if isinstance(error, TooManyRows):
        problem.members["limit"] = error.row
    return problem, reason


def respond(problem: HttpProblem, *, request_id: str, complaint: str = "") -> Reply:
    """Write a problem; `complaint` is the member in which callers of a protocol look for the message."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem),
        **problem.members,
    }
    if problem.hint:
        content["hint"] = problem.hint
    if complaint:
        content[complaint] = str(problem)
    content["request"] = request_id
    return Reply(
        body=msgspec.json.encode(content), kind=CONTENT_TYPE, status=problem.status, headers=problem.headers
    )

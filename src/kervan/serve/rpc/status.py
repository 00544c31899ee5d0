"""Errors as gRPC tells them: a code, words that say what to do, and the problem itself in the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from kervan.core.ports import Reply

PROBLEM = "problem-bin"
_LONGEST = 500  # letters of a message: metadata have to stay below 8 KiB
_LARGEST = 2_000  # bytes of a problem
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "FAILED_PRECONDITION",
    413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def code_of(reply: Reply) -> str:
    """Return the name of the gRPC code for what HTTP would answer so."""
    if "limit" in msgspec.json.decode(reply.body):
        return "RESOURCE_EXHAUSTED"
    return _CODES.get(reply.status, "INTERNAL")


def words_of(reply: Reply) -> str:
    """Return a problem's detail and hint in one line."""
    problem = msgspec.json.decode(reply.body)
    hint = problem.get("hint", "")
    words = f"{problem['detail']} ({hint})" if hint else str(problem["detail"])
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def metadata_of(reply: Reply, request_id: str) -> tuple[tuple[str, Any], ...]:
    """Return what follows a refusal: the request's id, when to come again, and the problem as JSON."""
    found: list[tuple[str, Any]] = [("x-request-id", request_id)]
    found += [(name, value) for name, value in reply.headers.items() if name == "retry-after"]
    if len(reply.body) <= _LARGEST:
        found.append((PROBLEM, reply.body))
    return tuple(found)

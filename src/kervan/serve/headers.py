"""What every answer says beside its body, by whatever way it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.core.ports import Reply

SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def headers_of(reply: Reply, request_id: str) -> dict[str, str]:
    """Return the headers of an answer but for its length, their names in lower case."""
    return {"content-type": reply.kind, **SAFE_HEADERS, **reply.headers, "x-request-id": request_id}

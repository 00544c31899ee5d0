"""What is refused before anybody looks at the rows: foreign hosts and sites, wrong types, endless bodies.

A server on the loopback is reachable by every web page that its user visits. So the Host must be one of
ours (no DNS rebinding), a state-changing request must not come from another site, and the body must be
declared as JSON, which a form on another site cannot do.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

MAX_BODY = 8 << 20
BODY_SECONDS = 30.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)
_SAFE = frozenset({"GET", "HEAD"})


def check_head(scope: Scope, host: str) -> None:
    """Refuse a request whose Host is not ours, or that another site's page sends."""
    found: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name, []).append(value.decode("latin-1"))
    hosts = found.get(b"host", [])
    if len(hosts) != 1:
        raise HttpProblem(400, "the request must have exactly one Host")
    match = _HOST.fullmatch(hosts[0].lower())
    if match is None or (match[1] or match[2]) not in _LOCAL | {host}:
        raise HttpProblem(
            421, "this server does not answer for that host", hint=f"ask http://{host} or http://localhost"
        )
    if scope["method"] in _SAFE:
        return
    origins = found.get(b"origin", [])
    sites = found.get(b"sec-fetch-site", [])
    if any(origin != f"http://{hosts[0]}" for origin in origins) or any(
        site not in {"same-origin", "none"} for site in sites
    ):
        raise HttpProblem(403, "requests from other sites are refused")


async def read_body(request: Request) -> bytes:
    """Read a JSON request's body: declared as JSON, not compressed, at most 8 MiB, within 30 seconds."""
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        what = f"the body is declared as {kind[:80]!r}" if kind else "the body's content type is not declared"
        raise HttpProblem(415, f"{what}, not as JSON", hint="add -H 'content-type: application/json'")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(415, "the body is compressed", hint="send it without content-encoding")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_within_limit(request)
    except ClientDisconnect as error:
        raise HttpProblem(400, "the caller went away before the body was complete") from error
    except TimeoutError as error:
        raise HttpProblem(
            408, f"the body did not arrive within {BODY_SECONDS:g} seconds", headers={"connection": "close"}
        ) from error


async def _read_within_limit(request: Request) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise _too_large()
        pieces.append(piece)
    return b"".join(pieces)


def _too_large() -> HttpProblem:
    return HttpProblem(413, f"the body is larger than {MAX_BODY >> 20} MiB", hint="send fewer rows at a time")

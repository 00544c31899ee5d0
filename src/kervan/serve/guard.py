"""What is refused before anybody looks at the rows: foreign hosts and sites, doubled headers, wrong types.

A server on the loopback is reachable by every web page that its user visits. So the Host must be one of
ours (no DNS rebinding), and a state-changing request must not come from another site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.ports import Route
    from kervan.serve.address import Hosts

MAX_BODY = 8 << 20
BODY_SECONDS = 30.0
_DIGITS = 18
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)
_SAFE = frozenset({"GET", "HEAD"})
# Several of these would leave it to chance which of them counts.
_ONCE = frozenset(
    {
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "inference-header-content-length",
        "origin",
        "sec-fetch-site",
        "traceparent",
        "x-api-key",
        "x-request-id",
    }
)


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of a request by their names in lower case, those that come several times joined.

    Raises `HttpProblem` 400 where one comes twice that has to be alone.
    """
    found: dict[str, str] = {}
    for raw, value in pairs:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        if name not in found:
            found[name] = text
        elif name in _ONCE:
            raise HttpProblem(400, f"the request must have exactly one {name.title()}")
        else:
            found[name] = f"{found[name]}, {text}"
    return found


def check_sender(method: str, headers: Mapping[str, str], hosts: Hosts, scheme: str) -> None:
    """Refuse a request whose Host is not ours, or that another site's page sends."""
    host = headers.get("host")
    if host is None:
        raise HttpProblem(400, "the request must have exactly one Host")
    match = _HOST.fullmatch(host.lower())
    if match is None or (match[1] or match[2]) not in hosts:
        raise HttpProblem(
            421,
            "this server does not answer for that host",
            hint=f"ask {scheme}://{hosts.example} or {scheme}://localhost",
        )
    if method in _SAFE:
        return
    own = [f"{each}://{host}" for each in hosts.schemes(scheme)]
    is_own = headers.get("origin", own[0]) in own
    if not is_own or headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise HttpProblem(403, "requests from other sites are refused")


def check_kind(route: Route, headers: Mapping[str, str]) -> None:
    """Refuse a body of a type that the route does not read, or that is too large by its own account."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in route.takes:
        what = f"the body is declared as {kind[:80]!r}" if kind else "the body's content type is not declared"
        raise HttpProblem(
            415, f"{what}, not as {_wanted(route)}", hint=f"add -H 'content-type: {route.takes[0]}'"
        )
    length = headers.get("content-length", "0")
    if length.isdecimal() and (len(length) > _DIGITS or int(length) > MAX_BODY):
        raise too_large()


def _wanted(route: Route) -> str:
    return " or ".join("JSON" if kind == "application/json" else kind for kind in route.takes if kind)


def too_large() -> HttpProblem:
    """Return the answer to a body that is larger than any may be."""
    return HttpProblem(413, f"the body is larger than {MAX_BODY >> 20} MiB", hint="send fewer rows at a time")

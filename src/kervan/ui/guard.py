"""Who may ask the site, and what a browser may do with its pages.

The site has no login: it answers on this machine only. Other sites that a browser shows could still send it
requests: they come with another `Origin`, or under another name (`Host`), or without the token that only our
own pages have.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from kervan.core.access import is_loopback
from kervan.core.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "kervan_visit"
FIELD = "token"
SAFE_METHODS = frozenset({"GET", "HEAD"})
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Door:
    """Lets nobody in who calls this machine by another name, and tells them nothing of the project."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the site answer."""
        try:
            if scope["type"] == "http":
                self._guard.check_host(Headers(scope=scope))
        except Refused as error:
            response = PlainTextResponse(f"{error}\nhint: {error.hint}\n", 403, headers=HEADERS)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Guard:
    """Checks requests; `secret` makes the tokens of this process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._secret = secrets.token_bytes(32)

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Raise `Refused` for a name that is not this machine's: another site's that leads here."""
        host = headers.get("host", "")
        if not self._is_ours(f"http://{host}"):
            raise Refused(f"this site is not called {host!r}", hint=f"open http://127.0.0.1:{self._port}")

    def check_action(self, headers: Mapping[str, str], visit: str, token: str) -> None:
        """Raise `Refused` for a request that would change something and does not come from our own pages."""
        self.check_origin(headers)
        if "origin" not in headers and headers.get("content-type", "").startswith("application/json"):
            return  # no page of another site can send that: browsers ask first, and nobody answers
        if not visit or not hmac.compare_digest(token.encode(), self.token(visit).encode()):
            raise Refused(
                "this page is from before the site was started anew: nothing was done",
                hint="load the page again, then try once more",
            )

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Raise `Refused` for what a browser sends because another site asked it to."""
        origin = headers.get("origin")
        from_elsewhere = headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
        if (origin is not None and not self._is_ours(origin)) or from_elsewhere:
            raise Refused("another site asked for that: nothing was done", hint="use the buttons of this one")

    def token(self, visit: str) -> str:
        """Return what forms of a visit carry."""
        return hmac.new(self._secret, visit.encode(), sha256).hexdigest()

    def _is_ours(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            is_bare = parts.scheme == "http" and "@" not in parts.netloc and parts.geturl() == origin
            is_bare = is_bare and not (parts.path or parts.query or parts.fragment)
            return is_bare and is_loopback(parts.hostname or "") and (parts.port or 80) == self._port
        except ValueError:
            return False


def new_visit() -> str:
    """Return the name of a visit, which a cookie keeps."""
    return secrets.token_urlsafe(24)

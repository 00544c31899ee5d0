"""What stands before the routes."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from kervan.core.identity import new_id
from kervan.serve.guard import check_head
from kervan.serve.problem import HttpProblem, respond

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from kervan.serve.metrics import Metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Edge:
    """Stands before the routes: request ids, the guard, the headers of every answer, counting."""

    def __init__(self, app: ASGIApp, metrics: Metrics, host: str) -> None:
        self._app = app
        self._metrics = metrics
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["x-request-id"] = request_id
            await send(message)

        try:
            check_head(scope, self._host)
            await self._app(scope, receive, send_on)
        except HttpProblem as problem:
            answer = respond(problem, request_id=request_id, path=scope["path"])
            await answer(scope, receive, send_on)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    """Return the caller's own id if it is short and harmless, else a new one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else new_id()

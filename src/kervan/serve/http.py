"""The ASGI application: any request that the connection does not answer itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kervan.core.ports import Reply
from kervan.serve.crowd import Crowd
from kervan.serve.desk import Admission, Desk, Head, request_id_of
from kervan.serve.guard import BODY_SECONDS, MAX_BODY, too_large
from kervan.serve.headers import headers_of
from kervan.serve.moment import Now
from kervan.serve.problem import HttpProblem
from kervan.serve.turn import Turn
from kervan.serve.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


class App:
    """Answers HTTP requests at a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        # Heads that were admitted, with the body's length.
        self.known: dict[bytes, tuple[Admission, int]] = {}
        self.headers: list[tuple[bytes, bytes]] = []  # those of every answer, and what one begins with
        self.head = b""
        self.crowd = Crowd(desk.metrics.add_closed)
        desk.metrics.watch(lambda: Now(connections=self.crowd.size))
        self._turn: Turn | None = None

    def turn(self, loop: asyncio.AbstractEventLoop) -> Turn:
        """Return what collects the requests of each turn of the loop."""
        if self._turn is None:
            self._turn = Turn(self.desk, loop)
        return self._turn

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        visit = Visit(request_id=request_id_of(scope["headers"]), method=scope["method"])
        try:
            visit.admission = admission = self.desk.admit(_head(scope))
            body = await _read_body(receive)
            reply = await self.desk.answer(visit, admission, body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            reply = self.desk.complain(error, visit)
        self.desk.count(visit, reply.status)
        await _send(reply, visit.request_id, send)


def _head(scope: Message) -> Head:
    return Head(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=scope["headers"],
        scheme=scope["scheme"],
    )


async def _read_body(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_within_limit(receive)
    except TimeoutError as error:
        raise HttpProblem(
            408, f"the body did not arrive within {BODY_SECONDS:g} seconds", headers={"connection": "close"}
        ) from error


async def _read_within_limit(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpProblem(400, "the caller went away before the body was complete")
        piece = message.get("body", b"")
        size += len(piece)
        if size > MAX_BODY:
            raise too_large()
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _send(reply: Reply, request_id: str, send: Send) -> None:
    headers = {**headers_of(reply, request_id), "content-length": str(len(reply.body))}
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})

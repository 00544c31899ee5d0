"""uvicorn's HTTP/1.1 connection with the deadlines and limits that it does not have itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kervan.serve.guard import BODY_SECONDS

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 10.0
_SLACK = 5.0  # lets the answer 408 go out before the connection is cut
_MAX_HEAD = 32 << 10
_MAX_HEADERS = 100


class Connection(HttpToolsProtocol):
    """Cuts clients that send a head for more than 10 s or a body for more than 35 s; refuses huge heads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Give the first head its time."""
        super().connection_made(transport)
        self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._clear_deadline()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Give each head its time."""
        self._head = 0
        self._set_deadline(HEAD_SECONDS)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the URL as part of the head."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the header."""
        self._count(len(name) + len(value))
        if len(self.headers) >= _MAX_HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Give the body its time."""
        self._set_deadline(BODY_SECONDS + _SLACK)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All has arrived."""
        self._clear_deadline()
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > _MAX_HEAD:
            raise ValueError("the head is too large")

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, self._cut)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self.transport.abort()

"""One HTTP/1.1 connection: predictions are answered here, everything else by the ASGI application.

Callers that stay connected send the same head again and again. A head that was admitted once, byte for
byte, is admitted again without being parsed; what follows it is the body, of the length that it says.
Whatever is not so plain (another head, a body in chunks, a page) goes through uvicorn's parser.

uvicorn has no deadlines and counts no bytes of a head that never ends; both are done here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kervan.core.ports import Action, Reply
from kervan.serve.desk import Admission, Desk, Head
from kervan.serve.guard import BODY_SECONDS
from kervan.serve.headers import SAFE_HEADERS
from kervan.serve.problem import HttpProblem
from kervan.serve.visit import Visit

if TYPE_CHECKING:
    import asyncio

    from kervan.serve.http import App
    from kervan.serve.turn import Turn

HEAD_SECONDS = 10.0
_SLACK = 5.0  # lets the answer 408 go out before the connection is cut
_MAX_HEAD = 32 << 10
_MAX_HEADERS = 100
_MAX_EXTRA = 64 << 10  # bytes around the pieces of a body in chunks, beside as many as the body has
_MAX_PLAIN = 256 << 10  # bytes of a body that is answered here
_DIGITS = 10  # of a length that can be meant
_MAX_KNOWN = 2_048  # heads that are remembered
_MAX_KNOWN_SIZE = 2_048  # bytes of each
_MAX_LATER = 256 << 10
_END = b"\r\n\r\n"
_SAFE = "".join(f"{name}: {value}\r\n" for name, value in SAFE_HEADERS.items()).encode()
_VARYING = frozenset({"x-request-id", "traceparent"})
_NOT_PLAIN = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding"})


class Connection(HttpToolsProtocol):
    """Cuts callers that send a head for more than 10 s or a body for more than 35 s; refuses huge heads."""

    app: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._desk: Desk = self.app.desk
        self._turn: Turn = self.app.turn(self.loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_reading = False  # a message has begun that is not complete
        self._is_head = True
        self._received = self._body = self._head_size = 0
        self._asked = 0  # how many requests wait for their turn
        self._half: tuple[Admission, int, bytearray] | None = None  # the body so far, and how long it gets
        self._later = b""  # what came before the answer to what it follows
        self._is_ending = False
        self.peer = ""
        self.seen = time.monotonic()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Give the first head its time."""
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self._set_deadline(HEAD_SECONDS)
        self.app.crowd.join(self, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self.app.crowd.leave(self)
        self._clear_deadline()
        if self._half is not None:
            self._desk.count(Visit(admission=self._half[0]), 400)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        self.seen = time.monotonic()
        if self._asked or self.flow.write_paused:
            self._hold(data)
        elif self._half is not None:
            self._go_on(data)
        elif self._is_between():
            self._begin(data)
        else:
            self._feed(data)

    def resume_writing(self) -> None:
        """Go on with what was held back while the caller did not read."""
        super().resume_writing()
        self._release()

    def answer_well(self, body: bytes, request_id: str) -> None:
        """Write the JSON of predictions."""
        app, headers = self.app, self.server_state.default_headers
        if app.headers is not headers:  # with the date, once a second
            app.headers, app.head = headers, self._head_of(Reply(body=b""))
        self._write(b"%b%d\r\nx-request-id: %b\r\n\r\n%b" % (app.head, len(body), request_id.encode(), body))

    def answer(self, reply: Reply, request_id: str) -> None:
        """Write the answer to a request that was answered here."""
        head = self._head_of(reply)
        self._write(
            b"%b%d\r\nx-request-id: %b\r\n\r\n%b" % (head, len(reply.body), request_id.encode(), reply.body)
        )

    def _head_of(self, reply: Reply) -> bytes:
        """Return the head of an answer up to the number of its bytes."""
        date = b"".join(b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)
        others = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        kind = f"content-type: {reply.kind}\r\n{others}".encode("latin-1")
        return b"%b%b%b%bcontent-length: " % (STATUS_LINE[reply.status], date, kind, _SAFE)

    def _write(self, answer: bytes) -> None:
        self._asked -= 1
        if self.transport.is_closing():
            return
        if self._is_ending:
            answer = answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
        self.transport.write(answer)
        if self._is_ending:
            self.transport.close()
        elif self._later and not self.flow.write_paused:
            self._release()

    def shutdown(self) -> None:
        """Let what is asked be answered, and whoever is between two requests ask once more."""
        self._is_ending = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing was asked that is not answered."""
        return self._is_between() and not self._asked and self._half is None

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        self._desk.metrics.refuse("http")
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Give each head its time."""
        self._is_reading = self._is_head = True
        self._body = self._head_size = 0
        self._set_deadline(HEAD_SECONDS)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the URL as part of the head."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the header; after the body they are trailers, which nobody reads."""
        self._count(len(name) + len(value))
        if not self._is_head:
            return
        if len(self.headers) >= _MAX_HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _MAX_HEAD:
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        """Give the body its time."""
        self._is_head = False
        self._received = 0
        self._set_deadline(BODY_SECONDS + _SLACK)
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Count the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All has arrived."""
        self._clear_deadline()
        self._is_reading = False
        self._received = 0
        super().on_message_complete()

    def _is_between(self) -> bool:
        """Say whether the next byte begins a request, and nothing is being answered."""
        return (
            not self._is_reading
            and not self._received
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
        )

    def _begin(self, data: bytes) -> None:
        """Read the start of a request."""
        end = data.find(_END, 0, _MAX_HEAD) + len(_END)
        if end < len(_END):
            self._feed(data)
            return
        admitted = self._admit(data[:end])
        if admitted is None:
            self._feed(data)
            return
        self._unset_keepalive_if_required()
        admission, length = admitted
        body = data[end : end + length]
        if len(body) < length:
            self._half = (admission, length, bytearray(body))
            self._set_deadline(BODY_SECONDS + _SLACK)
            return
        if self._deadline is not None:
            self._clear_deadline()
        self._later = data[end + length :]
        self._ask(admission, body)

    def _go_on(self, data: bytes) -> None:
        """Read more of a body."""
        if self._half is None:
            return
        admission, length, body = self._half
        missing = length - len(body)
        body += data[:missing]
        if len(body) == length:
            self._half = None
            self._clear_deadline()
            self._later = data[missing:]
            self._ask(admission, bytes(body))

    def _ask(self, admission: Admission, body: bytes) -> None:
        self._asked += 1
        self._turn.add(self, admission, body)

    def _hold(self, data: bytes) -> None:
        """Keep what came too early; a caller who sends too much of it is not read for a while."""
        self._later += data
        if len(self._later) > _MAX_LATER:
            self.flow.pause_reading()

    def _release(self) -> None:
        """Go on with what was kept."""
        later, self._later = self._later, b""
        self.flow.resume_reading()
        if later:
            self.data_received(later)

    def _admit(self, head: bytes) -> tuple[Admission, int] | None:
        """Return the admission of a head and its body's length, None if it is not for here."""
        known = self.app.known
        admitted = known.get(head)
        if admitted is None or admitted[0].caller.generation != self._desk.access.generation:
            known.pop(head, None)
            admitted = _read_plain(head, self._desk, self.scheme or "http")
            if (
                admitted is not None
                and len(head) <= _MAX_KNOWN_SIZE
                and _VARYING.isdisjoint(admitted[0].headers)
            ):
                if len(known) >= _MAX_KNOWN:
                    known.clear()
                known[head] = admitted
        return admitted

    def _feed(self, data: bytes) -> None:
        """Give bytes to the parser, and cut a head or the frame of a body that is longer than any needs."""
        self._received += len(data)
        super().data_received(data)
        limit = _MAX_HEAD if self._is_head else _MAX_EXTRA + 2 * self._body
        if self._received > limit and self.transport is not None and not self.transport.is_closing():
            if self._is_head:
                self.send_400_response("The head is too large.")
            else:
                self.transport.abort()

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, self.cut)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Reading:
    """What the parser finds in one head."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _read_plain(head: bytes, desk: Desk, scheme: str) -> tuple[Admission, int] | None:
    """Read a head that asks for a prediction with a short body of stated length; None for any other."""
    reading = _Reading()
    parser = httptools.HttpRequestParser(reading)
    try:
        parser.feed_data(head)
        names = {name.lower() for name, _ in reading.headers}
        length = [value for name, value in reading.headers if name.lower() == b"content-length"]
        is_plain = (
            parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and len(length) == 1
            and length[0].isdigit()
            and len(length[0]) < _DIGITS
            and int(length[0]) <= _MAX_PLAIN
            and names.isdisjoint(_NOT_PLAIN)
            and len(reading.headers) <= _MAX_HEADERS
        )
        if not is_plain:
            return None
        url = httptools.parse_url(reading.url)
        admission = desk.admit(
            Head(
                method=parser.get_method().decode(),
                path=url.path.decode("latin-1"),
                query=(url.query or b"").decode("latin-1"),
                headers=reading.headers,
                scheme=scheme,
            )
        )
    except (httptools.HttpParserError, HttpProblem, AttributeError):
        return None  # the usual way says what is wrong
    if admission.mounted.route.action is not Action.PREDICT:
        return None
    return admission, int(length[0])

"""The Runtime API of AWS Lambda, as far as a runtime needs it: hands out events, takes answers."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:gelir"


class RuntimeApi:
    """`invoke` gives the next event to whatever runtime asks for one, and waits for what it says."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._said: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._count = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                ident, body = api._events.get()
                self.send_response(200)
                for name, value in (
                    ("Lambda-Runtime-Aws-Request-Id", ident),
                    ("Lambda-Runtime-Deadline-Ms", "99999999999999"),
                    ("Lambda-Runtime-Invoked-Function-Arn", ARN),
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(body))),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                api._said.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def invoke(self, event: Any) -> tuple[str, Any]:
        """Return "response" or "error" (of the event, or of the start), and the content."""
        self._count += 1
        self._events.put((f"request-{self._count}", json.dumps(event).encode()))
        return self._said.get(timeout=60)

    @contextmanager
    def listening(self) -> Iterator[RuntimeApi]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

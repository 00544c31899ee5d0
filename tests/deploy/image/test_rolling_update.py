"""One container after the other, behind a proxy that knows which are ready: nobody is refused meanwhile."""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from containers import answered, running
from kervan.deploy.image.build import build
from kervan.testing.sample import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Order

BODY = json.dumps({"features": dict(ROWS[0])}, ensure_ascii=False).encode()
CALLERS = 4


class Balancer(socketserver.ThreadingTCPServer):
    """Hands each connection to the container that is in turn, as a Service does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, backend: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.backend = backend

    @contextmanager
    def balancing(self) -> Iterator[int]:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        yield self.server_address[1]
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: Balancer

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.backend)) as backend:
            back = threading.Thread(target=_pump, args=(backend, self.request), daemon=True)
            back.start()
            _pump(self.request, backend)
            back.join()


def _pump(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            to.sendall(piece)
    with suppress(OSError):
        to.shutdown(socket.SHUT_WR)


class Callers:
    """Ask again and again; half of them stay connected for as long as they may."""

    def __init__(self, port: int) -> None:
        self._port, self._ends = port, threading.Event()
        self.models: list[str] = []
        self.failures: list[Any] = []

    @contextmanager
    def calling(self) -> Iterator[Callers]:
        self._threads = [
            threading.Thread(target=self._call, args=(place % 2 == 0,)) for place in range(CALLERS)
        ]
        for each in self._threads:
            each.start()
        try:
            yield self
        finally:
            self.end()

    def end(self) -> None:
        self._ends.set()
        for each in self._threads:
            each.join()

    def until(self, model: str) -> None:
        end = time.monotonic() + 30
        while not self.models or self.models[-1] != model:
            assert time.monotonic() < end
            time.sleep(0.05)

    def _call(self, stays: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._ends.is_set():
            try:
                connection.request("POST", "/predict", BODY, {"content-type": "application/json"})
                response = connection.getresponse()
                content = response.read()
                if response.status == 200:
                    self.models.append(json.loads(content)["model"])
                else:
                    self.failures.append((response.status, content))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                connection.close()
            if not stays:
                connection.close()
        connection.close()


@pytest.mark.service
def test_no_request_fails_while_one_version_replaces_another(
    sample_packages: dict[str, Path], image_order: Callable[..., Order], podman: Podman, tmp_path: Path
) -> None:
    old, new = (
        podman.load(build(image_order(package=sample_packages[version]), tmp_path / version, lambda _: None))
        for version in ("1.0.0", "2.0.0")
    )
    with running(podman, old, KERVAN_PLATFORM="1") as before:
        answered(before.url, [dict(ROWS[0])])
        balancer = Balancer(_port(before.url))
        with balancer.balancing() as port, Callers(port).calling() as callers:
            callers.until("gelir@1.0.0")
            with running(podman, new, KERVAN_PLATFORM="1") as after:
                answered(after.url, [dict(ROWS[0])])
                balancer.backend = _port(after.url)
                podman("stop", "--time", "30", before.ident)  # SIGTERM, and time to finish
                assert podman("inspect", "--format", "{{.State.ExitCode}}", before.ident) == "0"
                callers.until("gelir@2.0.0")
                asked = len(callers.models)
                while len(callers.models) < asked + 100:
                    time.sleep(0.05)
                callers.end()
        assert callers.failures == []
        assert set(callers.models) == {"gelir@1.0.0", "gelir@2.0.0"}


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])

"""A real server process on a free port, and raw requests to it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.serving import Plan, ServerState, Serving
from kervan.deploy.kept import Kept
from kervan.deploy.process import stop

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

JSON = {"content-type": "application/json"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] = {}) -> Reply:  # noqa: B006
    """Ask whatever answers at a port of this machine."""
    content = None if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    return _exchange(connection, method, path, content, {**(JSON if body is not None else {}), **headers})


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    content: bytes | None,
    headers: dict[str, str],
) -> Reply:
    try:
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    finally:
        connection.close()


@contextmanager
def running(place: Path, package: Path, **told: Any) -> Iterator[Live]:
    """A server of one package that is killed in the end; `told` is what else it is told to do."""
    serving = Serving(
        environment="production",
        deployment="D1",
        package=str(package),
        records=str(place / "records"),
        port=0,
        **told,
    )
    server = Live(place, serving)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Live:
    """A server, or, where several processes or a plan are asked for, a supervisor with its replicas."""

    def __init__(self, folder: Path, serving: Serving, plan: Plan | None = None) -> None:
        self.plan = plan or (Plan(workers=serving.workers) if serving.workers > 1 else None)
        self.folder = folder
        self.serving = serving
        self.file = folder / "serving.json"
        self.process: subprocess.Popen[bytes] | None = None
        self.context: ssl.SSLContext | None = None  # what we show and whom we trust, over TLS

    def write(self, serving: Serving) -> None:
        self.serving = serving
        told = {each.name: getattr(serving, each.name) for each in fields(Serving)}
        wanted = serving if self.plan is None else Kept(**told, plan=self.plan)
        self.file.write_bytes(msgspec.json.encode(wanted))

    def start(self, port: int | None = None, *, wait: bool = True) -> None:
        self.write(self.serving if port is None else replace(self.serving, port=port))
        (self.folder / "state.json").unlink(missing_ok=True)
        module = "kervan.serve.server" if self.plan is None else "kervan.deploy.supervisor"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(self.file)], stdout=log, stderr=log
            )
        if wait:
            self.until((self.folder / "state.json").exists)
            assert not self.state.error, self.state.error

    def until(self, holds: Any, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.log
            assert (
                self.process is None or self.process.poll() is None or (self.folder / "state.json").exists()
            )
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def state(self) -> ServerState:
        return msgspec.json.decode((self.folder / "state.json").read_bytes(), type=ServerState)

    @property
    def port(self) -> int:
        return self.state.port

    def hang_up(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        stop(self.folder)  # the replicas of a supervisor outlive it

    def terminate(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=30)

    def connect(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.context)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = JSON if headers is None and content is not None else headers or {}
        return _exchange(self.connect(), method, path, content, sent)

    def predict(self, body: Any) -> Reply:
        return self.ask("POST", "/predict", body)

    def raw(self, content: bytes, seconds: float = 20) -> bytes:
        """Send bytes as they are and read until the server closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(content)
            connection.settimeout(2)
            pieces = []
            try:
                while piece := connection.recv(65536):
                    pieces.append(piece)
            except TimeoutError:
                pass
            return b"".join(pieces)

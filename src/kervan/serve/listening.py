"""The sockets on which a server listens, and the server that ends well."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from kervan.core.errors import ServerFailed
from kervan.serve.address import only_from
from kervan.serve.connection import Connection
from kervan.serve.crowd import IDLE_SECONDS
from kervan.serve.desk import Desk
from kervan.serve.http import App

if TYPE_CHECKING:
    from collections.abc import Generator

    from kervan.serve.rpc.door import Door
    from kervan.serve.tls import Certificates

ENDING = (signal.SIGTERM, signal.SIGINT)
DRAIN_SECONDS = 10
_LINGER_SECONDS = 1.0  # in which whoever is connected may ask once more
_ACCEPT_SECONDS = 0.05  # in which those are let in who came just before the end
_SWEEP_SECONDS = 5.0
_BACKLOG = 2048


def listen(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Claim an address at once, so that a second server for it fails before it has loaded anything.

    With several sockets the system deals connections out to them. Raises `ServerFailed`.
    """
    first = _bind(host, port)
    if count == 1:
        first.listen(_BACKLOG)
        return [first]
    port = first.getsockname()[1]
    first.close()
    found: list[socket.socket] = []
    try:
        found.extend(_bind(host, port, is_shared=True) for _ in range(count))
    except ServerFailed:
        for each in found:
            each.close()
        raise
    for each in found:
        each.listen(_BACKLOG)
    return found


def reserve(host: str, port: int) -> socket.socket:
    """Claim an address for processes that will share it, without listening there. Raises `ServerFailed`."""
    with _bind(host, port) as first:
        port = first.getsockname()[1]
    return _bind(host, port, is_shared=True)


def _bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ServerFailed(
                f"port {port} on {host} is taken", hint="choose another port, or 0 for a free one"
            ) from error
        raise ServerFailed(f"cannot listen on {host}:{port}: {reason}", hint="choose another port") from error
    return listener


class WellEndingServer(uvicorn.Server):
    """Ends well on SIGTERM and SIGINT, where uvicorn dies from the signal in the end.

    Whoever is connected may ask once more, and hears with the answer that it is the last. The handlers stay
    until the records that wait are written, so that a second signal cannot lose them. Where it is to speak
    gRPC, its `door` for that ends at the same time.
    """

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk
        self._door: Door | None = None

    async def open_door(self) -> int | None:
        """Speak gRPC too if that is wanted, and return its port."""
        if self._desk.engine.current.serving.grpc_port is None:
            return None
        from kervan.serve.rpc.door import Door

        self._door = Door(self._desk)
        return await self._door.open()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals as they were taken over."""
        yield

    def take_signals(self) -> None:
        """End by SIGTERM and SIGINT from now on, also before anything is served."""
        for signum in ENDING:
            signal.signal(signum, self.handle_exit)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to look after idle connections."""
        await super().startup(sockets)
        self._sweeping = asyncio.create_task(self._sweep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let in who has come, answer what is asked, and then close."""
        self._sweeping.cancel()
        await asyncio.sleep(_ACCEPT_SECONDS)
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._close_idle)
        ending = [super().shutdown(sockets)]
        if self._door is not None:
            ending.append(self._door.close(DRAIN_SECONDS))
        await asyncio.gather(*ending)

    async def _sweep(self) -> None:
        crowd = self.config.loaded_app.crowd
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            crowd.sweep(self.server_state.connections)

    def _close_idle(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.is_idle:  # type: ignore[union-attr]  # all are of our kind
                connection.transport.close()


def server_of(desk: Desk, certificates: Certificates | None) -> WellEndingServer:
    """Return the server that answers at a desk."""
    serving = desk.engine.current.serving
    config = uvicorn.Config(
        App(desk),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=only_from(serving.proxy, Connection) if serving.proxy else Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    config.load()
    config.ssl = certificates.context if certificates else None
    return WellEndingServer(config, desk)

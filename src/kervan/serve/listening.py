"""The server that lets connections in one by one, and ends well."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from kervan.serve.address import only_from
from kervan.serve.connection import Connection
from kervan.serve.crowd import IDLE_SECONDS
from kervan.serve.desk import Desk
from kervan.serve.entrance import Entrance
from kervan.serve.http import App

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator

    from kervan.serve.rpc.door import Door
    from kervan.serve.tls import Certificates

ENDING = (signal.SIGTERM, signal.SIGINT)
DRAIN_SECONDS = 10
_LINGER_SECONDS = 1.0  # in which whoever is connected may ask once more
_ACCEPT_SECONDS = 0.05  # in which those are let in who came just before the end
_SWEEP_SECONDS = 5.0


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
        self.closed = asyncio.Event()  # when nobody else is let in

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
        """Let connections in, and begin to look after idle ones."""
        await super().startup([])
        loop, config = asyncio.get_running_loop(), self.config

        def meet() -> asyncio.Protocol:
            kind: Any = config.http_protocol_class
            return kind(  # type: ignore[no-any-return]
                config=config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )

        self._entrances = [Entrance(each, meet, config.ssl) for each in sockets or ()]
        self._sweeping = asyncio.create_task(self._sweep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let in who has come, answer what is asked, and then close."""
        self._sweeping.cancel()
        await asyncio.sleep(_ACCEPT_SECONDS)
        for entrance in self._entrances:
            await entrance.close(_LINGER_SECONDS)
        self.closed.set()
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

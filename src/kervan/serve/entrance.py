"""Where connections come in, one for each time the loop wakes up.

Replicas accept from the same socket. Who took all that wait would have them all; who takes one and then
looks after its other callers leaves the next one to whichever replica is free.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

_FULL_SECONDS = 0.1  # until it is tried again where the process may open no more files


class Entrance:
    """Lets connections in from a listening socket until it is closed."""

    def __init__(
        self, listener: socket.socket, meet: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
    ) -> None:
        self._listener = listener
        self._meet = meet
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._is_open = True
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    async def close(self, seconds: float) -> None:
        """Let nobody else in, and give those who are at it some seconds to come through the handshake."""
        self._is_open = False
        self._loop.remove_reader(self._listener)
        if self._coming:
            await asyncio.wait(self._coming, timeout=seconds)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another replica was faster, or the caller has gone
        except OSError:
            self._loop.remove_reader(self._listener)
            self._loop.call_later(_FULL_SECONDS, self._go_on)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._admit(connection))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _admit(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):  # a handshake that fails is the caller's affair
                await self._loop.connect_accepted_socket(self._meet, connection, ssl=self._tls)
        except BaseException:
            connection.close()
            raise

    def _go_on(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listener, self._accept)

"""Asks a server over many connections without a pause, and writes down what came of every request.

python -m benchmarks.release_load HOST PORT BODY FILE CONNECTIONS: each request is written to FILE as two
doubles, when it was sent and answered (seconds of the monotonic clock), and two small numbers, the status and
the place of the version among those that are named in VERSIONS. With RATE they are so many a second in all.
It ends well on SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

RECORD = struct.Struct("<ddHB")
FAILED = 0  # in the place of a status: the connection broke before the answer was there
UNKNOWN = 255


class Asker(asyncio.Protocol):
    """One connection: the next request is sent as soon as the last is answered."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._got = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        if self._load.is_ending:
            self._sent = 0.0
            self._transport.close()
            return
        self._sent = time.monotonic()
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, mark, body = self._got.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._got = b""
        status = int(head[9:12])
        self._load.note(self._sent, status, body)
        self._sent = 0.0
        assert self._transport is not None
        if b"connection: close" in head.lower():
            self._transport.close()
        elif self._load.pause:
            asyncio.get_running_loop().call_later(self._load.pause, self._ask)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent:
            self._load.note(self._sent, FAILED, b"")
        if not self._load.is_ending:
            self._load.connect()


class Load:
    """All connections."""

    def __init__(self, host: str, port: int, body: bytes, versions: list[bytes], file: Path) -> None:
        self.is_ending = False
        self.pause = 0.0  # of a connection, between an answer and the next request
        self._address = (host, port)
        self._versions = versions
        self._file = file.open("wb")
        self._tasks: set[asyncio.Task[None]] = set()
        self.request = (
            b"POST /predict HTTP/1.1\r\nhost: %b:%d\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (host.encode(), port, len(body), body)
        )

    def connect(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        started = time.monotonic()
        try:
            await asyncio.get_running_loop().create_connection(lambda: Asker(self), *self._address)
        except OSError:
            self.note(started, FAILED, b"")
            await asyncio.sleep(0.01)
            if not self.is_ending:
                self.connect()

    def note(self, sent: float, status: int, body: bytes) -> None:
        version = next((place for place, each in enumerate(self._versions) if each in body), UNKNOWN)
        self._file.write(RECORD.pack(sent, time.monotonic(), status, version))

    async def run(self, connections: int) -> None:
        ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
        rate = float(os.environ.get("RATE", "0"))
        self.pause = connections / rate if rate else 0.0
        for _ in range(connections):
            self.connect()
            await asyncio.sleep(self.pause / connections)  # they come one after the other
        await ending.wait()
        self.is_ending = True
        await asyncio.sleep(1)
        self._file.close()


if __name__ == "__main__":
    where, number, sent, to, many = sys.argv[1:]
    named = os.environ["VERSIONS"].encode().split()
    load = Load(where, int(number), sent.encode(), named, Path(to))
    uvloop.run(load.run(int(many)))

"""Load on a server that does not wait for it: requests are sent when they are due, answered or not.

How long a request took is counted from when it was due. A load that only sends once it was answered leaves
out just those requests that a slow server makes wait.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kervan.core.errors import ServerFailed
from kervan.deploy.usage import cpu_seconds, resident

_CONNECTIONS = 64
_LATE = 2.0  # seconds that requests may wait for their turn before a server counts as overrun
_PATIENCE = 10.0  # seconds for answers that are still due
_TICK = 0.0005
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a server did under so many requests a second, `rate`, for so many `seconds`.

    `latencies` are in seconds, rising, of what was answered with success; `failed` were not. `cpu` is how
    many cores the server took on average, `memory` the bytes it held at the end, None where nobody tells.
    `is_overrun` says that it could not keep up, `client` which share of a core asking took.
    """

    rate: float
    seconds: float
    sent: int
    failed: int
    latencies: Sequence[float]
    cpu: float | None
    memory: int | None
    is_overrun: bool
    client: float

    @property
    def answered(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the time within which so large a share of all requests was answered; infinite for others.

        >>> Measured(rate=1, seconds=3, sent=3, failed=1, latencies=(0.1, 0.2), cpu=None, memory=None,
        ...          is_overrun=False, client=0).quantile(0.5)
        0.2
        """
        place = max(0, -int(-share * self.sent // 1) - 1)
        return self.latencies[place] if place < len(self.latencies) else float("inf")


def put_load(
    address: tuple[str, int], bodies: Sequence[bytes], rate: float, seconds: float, process: int
) -> Measured:
    """Send `rate` requests a second to `/predict` at an address (host, port), with one body after the other.

    `process` is the number of the server's process, or of the one that keeps it. Raises `ServerFailed` if
    nobody answers there.
    """
    requests = [_request(address[0], body) for body in bodies]
    return asyncio.run(_put(address, requests, rate, seconds, process))


async def _put(
    address: tuple[str, int], requests: Sequence[bytes], rate: float, seconds: float, process: int
) -> Measured:
    crowd = _Crowd(requests)
    loop = asyncio.get_running_loop()
    try:
        for _ in range(min(_CONNECTIONS, max(1, int(rate)))):
            await loop.create_connection(lambda: _Connection(crowd), *address)
    except OSError as error:
        raise ServerFailed(f"no server answers at {address[0]}:{address[1]}: {error}") from error
    cpu, own, started = _cpu_seconds(process), time.process_time(), time.perf_counter()
    is_overrun = await _send_when_due(crowd, rate, seconds, started)
    passed = time.perf_counter() - started
    used = _cpu_seconds(process)
    client = (time.process_time() - own) / passed
    until = time.perf_counter() + (0 if is_overrun else _PATIENCE)
    while crowd.is_waiting and time.perf_counter() < until:
        await asyncio.sleep(_TICK)
    crowd.close()
    return Measured(
        rate=rate,
        seconds=passed,
        sent=crowd.due_ever,
        failed=crowd.due_ever - len(crowd.latencies),
        latencies=sorted(crowd.latencies),
        cpu=None if cpu is None or used is None else (used - cpu) / passed,
        memory=_memory(process),
        is_overrun=is_overrun,
        client=client,
    )


async def _send_when_due(crowd: _Crowd, rate: float, seconds: float, started: float) -> bool:
    """Send one request after the other at its time; return True as soon as the server is overrun."""
    for number in range(int(rate * seconds)):
        due = started + number / rate
        while (now := time.perf_counter()) < due:
            await asyncio.sleep(max(0.0, min(due - now, _TICK)))
        crowd.send(due)
        if crowd.late(now) > _LATE:
            return True
        if number % 16 == 15:
            await asyncio.sleep(0)  # what was answered is read in between, also where sending is late
    return False


class _Crowd:
    """Connections that take requests when these are due, and requests that wait for a free one."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._free: deque[_Connection] = deque()
        self._all: list[_Connection] = []
        self._due: deque[float] = deque()
        self.due_ever = 0
        self.latencies: list[float] = []

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still due."""
        return bool(self._due) or any(each.due is not None for each in self._all)

    def late(self, now: float) -> float:
        """Return how long the request that is first in the queue has waited for its turn."""
        return now - self._due[0] if self._due else 0.0

    def join(self, connection: _Connection) -> None:
        """Take in a connection."""
        self._all.append(connection)
        self.take_free(connection)

    def send(self, due: float) -> None:
        """Send a request over a free connection, or let it wait for one."""
        self.due_ever += 1
        if self._free:
            self._free.popleft().ask(self._requests[self.due_ever % len(self._requests)], due)
        else:
            self._due.append(due)

    def take_free(self, connection: _Connection) -> None:
        """Take a connection that has its answer, and give it what waits longest."""
        if self._due:
            connection.ask(self._requests[len(self.latencies) % len(self._requests)], self._due.popleft())
        else:
            self._free.append(connection)

    def lose(self, connection: _Connection) -> None:
        """Forget a connection that the server closed; its request has failed."""
        self._all.remove(connection)
        with suppress(ValueError):
            self._free.remove(connection)

    def close(self) -> None:
        """Close all connections."""
        for each in list(self._all):
            each.close()


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._read = b""
        self.due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for something to ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a socket it is
        self._transport = transport
        self._crowd.join(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was asked as failed."""
        self.due = None
        self._crowd.lose(self)

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due at a time."""
        self.due = due
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Note how long an answer took once it is whole."""
        self._read += data
        head, end, rest = self._read.partition(_HEAD_END)
        if not end or len(rest) < _length(head):
            return
        if self.due is not None and head.startswith(b"HTTP/1.1 200"):
            self._crowd.latencies.append(time.perf_counter() - self.due)
        self._read = b""
        self.due = None
        self._crowd.take_free(self)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()


def _length(head: bytes) -> int:
    lowered = head.lower()
    place = lowered.find(_LENGTH)
    return int(lowered[place + len(_LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0


def _request(host: str, body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def _cpu_seconds(keeper: int) -> float | None:
    """Return the seconds that a server's processes took of a core, None where nobody tells."""
    try:
        return sum(cpu_seconds(each) for each in _replicas(keeper))
    except (OSError, ValueError):
        return None


def _memory(keeper: int) -> int | None:
    """Return the bytes that a server's processes hold, None where nobody tells."""
    try:
        return sum(resident(each) for each in _replicas(keeper))
    except (OSError, ValueError):
        return None


def _replicas(keeper: int) -> list[int]:
    """Return the processes that a server's keeper has started, or itself where it has none."""
    told = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return [int(each) for each in told] or [keeper]

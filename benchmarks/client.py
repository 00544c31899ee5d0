"""Asks a server over a number of connections for some seconds and prints the requests a second."""

from __future__ import annotations

import asyncio
import sys
import time
from urllib.parse import urlsplit

import uvloop

_LENGTH = b"content-length:"


async def main(url: str, body: str, connections: int, seconds: float) -> float:
    parts = urlsplit(url)
    content = body.encode()
    request = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    ).encode() + content
    warm = time.perf_counter() + 0.5
    await asyncio.gather(*(ask(parts.hostname, parts.port, request, warm) for _ in range(connections)))
    started = time.perf_counter()
    until = started + seconds
    counts = await asyncio.gather(
        *(ask(parts.hostname, parts.port, request, until) for _ in range(connections))
    )
    return sum(counts) / (time.perf_counter() - started)


async def ask(host: str | None, port: int | None, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        lower = head.lower()
        start = lower.index(_LENGTH) + len(_LENGTH)
        await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
        count += 1
    writer.close()
    return count


if __name__ == "__main__":
    print(uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))

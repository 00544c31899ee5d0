"""Many connections, slow ones, endless ones, and the end of a server: honest callers are served."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from serve.live import JSON, Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def idle(port: int, count: int) -> Iterator[socket.socket]:
    for _ in range(count):
        with contextlib.suppress(OSError):
            yield socket.create_connection(("127.0.0.1", port), timeout=5)


def test_where_descriptors_run_short_idle_connections_go(live: Callable[..., Live]) -> None:
    server = live()
    server.kill()
    limited = f"ulimit -n 256; exec {sys.executable} -m kervan.serve.server {server.file}"
    (server.folder / "state.json").unlink()
    with (server.folder / "log").open("ab") as log:
        server.process = subprocess.Popen(["bash", "-c", limited], stdout=log, stderr=log)
    server.until((server.folder / "state.json").exists)
    held = list(idle(server.port, 400))
    for _ in range(20):
        assert server.predict(ROW).status == 200
    assert "connections were closed" in server.log
    for each in held:
        each.close()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("where", ["header", "name", "url", "trailer", "extension"])
def test_what_never_ends_is_cut_before_it_takes_memory(shared: Live, where: str) -> None:
    begun = {
        "header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        "name": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n",
        "url": b"GET /",
        "trailer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nX-A: ",
        "extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a=",
    }[where]
    piece = b"a" * 65536
    sent = 0
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as endless:
        endless.sendall(begun)
        with pytest.raises(OSError):  # noqa: PT011, PT012 - reset or broken pipe, as it comes
            while sent < 16 << 20:
                endless.sendall(piece)
                sent += len(piece)
                time.sleep(0.001)
    assert sent < 8 << 20  # what the system's own buffers take
    assert shared.predict(ROW).status == 200


def test_slow_callers_do_not_hold_up_others(shared: Live) -> None:
    slow = list(idle(shared.port, 300))
    for each in slow:
        each.sendall(b"POST /predict HTTP/1.1\r\nHost: local")
    for _ in range(20):
        assert shared.predict(ROW).status == 200
    for each in slow:
        each.close()


HEAVY = {
    "nested lists": (b"[" * 100 + b"]" * 100 + b",") * 40_000,
    "empty rows": b"[" + b"[]," * 2_000_000 + b"[]]",
    "keys": b"{" + b",".join(b'"k%d":1' % place for place in range(600_000)) + b"}",
    "digits": b"[" + b"9" * 8_000_000 + b"]",
    "one row": b"[[" + b"1," * 3_900_000 + b"1]]",
}


@pytest.mark.parametrize("what", HEAVY)
def test_a_heavy_body_is_refused_and_holds_up_nobody(shared: Live, what: str) -> None:
    heavy = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=60)
    heavy.request("POST", "/predict", HEAVY[what], JSON)
    answered = 0
    while answered < 20:
        assert shared.predict(ROW).status == 200
        answered += 1
    response = heavy.getresponse()
    assert 400 <= response.status < 500
    assert json.loads(response.read())["detail"]
    heavy.close()


def test_at_the_end_whoever_is_connected_may_ask_once_more(live: Callable[..., Live]) -> None:
    server = live()
    idle_ones = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(20)]
    for place, each in enumerate(idle_ones):
        each.connect()
        if place % 2:
            each.request("POST", "/predict", json.dumps(ROW), JSON)
            each.getresponse().read()
    assert server.process is not None
    server.process.terminate()
    server.until(lambda: refuses(server.port))  # it has begun to end
    for place, each in enumerate(idle_ones):
        path = "/predict" if place % 3 else "/livez"
        each.request("POST" if place % 3 else "GET", path, json.dumps(ROW) if place % 3 else None, JSON)
        response = each.getresponse()
        assert response.status == 200
        assert response.getheader("connection") == "close"
        response.read()
    assert server.process.wait(timeout=20) == 0

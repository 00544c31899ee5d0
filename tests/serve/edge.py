"""A module at the edge and the real MQTT broker that it answers by."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Run a real MQTT broker on a free port of this machine, and give that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    command = [tool("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    with (folder / "mosquitto.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        until(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() is None)
        yield port
        process.terminate()


def until(holds: Any, seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < end
        time.sleep(0.05)


def module(package: Path, port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a module at the edge."""
    told = {
        **os.environ,
        "KERVAN_MQTT": f"mqtt://127.0.0.1:{port}",
        "KERVAN_PACKAGE": str(package),
        "KERVAN_RECORDS": str(folder / "records"),
        "KERVAN_PLATFORM": "1",
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "kervan.serve.edge_module"], env=told, stderr=log)

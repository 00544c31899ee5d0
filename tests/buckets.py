"""Stores of objects that answer like those of the clouds, each on a free port and thrown away after."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING

from tools import tool, tool_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Azurite's own account, which is in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def google_storage() -> Iterator[str]:
    """Run what answers like Google Cloud Storage, with a bucket `kova`; gives its URL."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    here = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command = [tool("fake-gcs-server"), *here, "-external-url", url, "-public-host", f"127.0.0.1:{port}"]
    with _running(command, port):
        _ask(
            f"{url}/storage/v1/b?project=p", "POST", b'{"name": "kova"}', {"Content-Type": "application/json"}
        )
        yield url


@contextmanager
def azure_storage() -> Iterator[str]:
    """Run Azurite with a container `kova`; gives the URL of its account."""
    port = _free_port()
    program = tool_file("azurite/node_modules/azurite/dist/src/blob/main.js")
    here = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    with _running([tool("node"), str(program), "--silent", "--skipApiVersionCheck", *here], port):
        url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        signed = _signed("kova")
        _ask(f"{url}/kova?restype=container", "PUT", b"", signed)
        yield url


def _signed(container: str) -> dict[str, str]:
    date, version = formatdate(usegmt=True), "2021-08-06"
    headers = f"x-ms-date:{date}\nx-ms-version:{version}"
    text = f"PUT{chr(10) * 12}{headers}\n/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    return {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}",
    }


def _ask(url: str, method: str, body: bytes, headers: dict[str, str]) -> None:
    request = urllib.request.Request(url, data=body or None, method=method, headers=headers)
    urllib.request.urlopen(request, timeout=30).close()


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not _listens(port):
            assert process.poll() is None, f"{command[0]} ended with status {process.returncode}"
            assert time.monotonic() < until, f"{command[0]} does not answer"
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port

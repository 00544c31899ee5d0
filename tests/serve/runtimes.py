"""The runtimes of functions, run by our own Python, and the Runtime API of AWS Lambda for the one of AWS."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:gelir"


class RuntimeApi:
    """`invoke` gives the next event to whatever runtime asks for one, and waits for what it says."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._said: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._count = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                ident, body = api._events.get()
                self.send_response(200)
                for name, value in (
                    ("Lambda-Runtime-Aws-Request-Id", ident),
                    ("Lambda-Runtime-Deadline-Ms", "99999999999999"),
                    ("Lambda-Runtime-Invoked-Function-Arn", ARN),
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(body))),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                api._said.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def invoke(self, event: Any) -> tuple[str, Any]:
        """Return "response" or "error" (of the event, or of the start), and the content."""
        self._count += 1
        self._events.put((f"request-{self._count}", json.dumps(event).encode()))
        return self._said.get(timeout=60)

    @contextmanager
    def listening(self) -> Iterator[RuntimeApi]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


RUN = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def tool_module(name: str, *arguments: str, alone_in: Path | None = None) -> list[str]:
    """Return the command that runs a module of the tools' environment where it finds Kervan.

    That is our own, or what lies in a folder: then nothing else that is installed here is found.
    """
    tools = Path(tool("functions-framework")).parents[1]
    site = next((tools / "lib").glob("python3*/site-packages"))
    python = [sys.executable, "-c"] if alone_in is None else [sys.executable, "-I", "-S", "-c"]
    return [*python, RUN, str(site), str(alone_in or ""), name, *arguments]


@contextmanager
def lambda_runtime(
    handler: str, told: dict[str, str], folder: Path, alone_in: Path | None = None
) -> Iterator[RuntimeApi]:
    """Run AWS' own runtime with a handler; its log goes into a folder."""
    with RuntimeApi().listening() as api:
        told = {**told, "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "gelir"}
        told |= {"AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                tool_module("awslambdaric", handler, alone_in=alone_in),
                env=told,
                stdout=log,
                stderr=log,
                cwd=alone_in,
            )
        try:
            yield api
        finally:
            process.kill()
            process.wait()


def environment(package: Path, folder: Path, **more: str) -> dict[str, str]:
    told = {"KERVAN_PACKAGE": str(package), "KERVAN_RECORDS": str(folder / "records"), **more}
    return {**os.environ, "KERVAN_ENVIRONMENT": "production", **told}


@contextmanager
def framework(package: Path, folder: Path) -> Iterator[str]:
    """Google's functions framework with our function; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "main.py").write_text("from kervan.serve.function import google as predict\n")
    arguments = ["--target", "predict", "--source", str(folder / "main.py"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            tool_module("functions_framework", *arguments, "--host", "127.0.0.1"),
            env=environment(package, folder),
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while not _is_up(url):
            assert time.monotonic() < until, (folder / "log").read_text()
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=30) as response:
            return response.status == 200
    except OSError:
        return False

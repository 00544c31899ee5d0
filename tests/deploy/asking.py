"""Callers that go on asking while replicas come and go: some stay connected, some come anew each time."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from serve.live import JSON
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serve.live import Live


@contextmanager
def asking(server: Live) -> Iterator[list[str]]:
    """Ask without a pause, and give the list of the models that answered; a failed request fails the test."""
    over = threading.Event()
    models: list[str] = []
    failures: list[BaseException] = []
    port = server.port

    def ask(*, stays: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            while not over.is_set():
                connection.request("POST", "/predict", json.dumps(ROW), JSON)
                reply = connection.getresponse()
                content = reply.read()
                assert reply.status == 200, content
                models.append(json.loads(content)["model"])
                if not stays:
                    connection.close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failed request
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, kwargs={"stays": stays}) for stays in (True, True, False, False)]
    for thread in threads:
        thread.start()
    try:
        yield models
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    assert models


def pids(server: Live, port: int = 0) -> set[int]:
    """Return the numbers of the processes that answer."""
    found = set()
    for _ in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", port or server.port, timeout=30)
        connection.request("GET", "/")
        found.add(json.loads(connection.getresponse().read())["pid"])
        connection.close()
    return found

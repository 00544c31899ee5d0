"""What a server counts: every way in, every refusal, each version for itself, whatever happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kervan.core.serving import Serving
from kervan.serve.ledger import Ledger, ModelCounts
from kervan.serve.tally import Tally
from serve.keyring import issue, publish
from serve.live import JSON, Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def told(server: Live) -> dict[tuple[str, frozenset[Any]], float]:
    """All samples of a server, by name and values of the labels."""
    text = server.ask("GET", "/metrics").body.decode()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(server: Live, name: str, *labels: str) -> float:
    return told(server)[name, frozenset(labels)]


@pytest.mark.parametrize(
    ("reason", "method", "path", "headers", "status"),
    [
        ("route", "GET", "/nothing", {}, 404),
        ("method", "PUT", "/predict", {"content-type": "application/json"}, 405),
        ("kind", "POST", "/predict", {"content-type": "text/plain"}, 415),
        ("host", "GET", "/livez", {"host": "evil.example"}, 421),
        ("access", "POST", "/predict", {"origin": "https://evil.example"}, 403),
        ("size", "POST", "/predict", {"content-type": "application/json", "content-length": "99999999"}, 413),
        ("body", "POST", "/predict", {"content-type": "application/json"}, 400),
    ],
)
def test_each_refusal_is_counted_by_its_reason(
    shared: Live, reason: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    before = value(shared, "kervan_refused_total", reason)
    body = b"x" if method != "GET" and "content-length" not in headers else None
    assert shared.ask(method, path, body, headers).status == status
    assert value(shared, "kervan_refused_total", reason) == before + 1


def test_what_is_no_request_is_counted(shared: Live) -> None:
    before = value(shared, "kervan_refused_total", "http")
    assert b"400" in shared.raw(b"\x00\x00 nonsense\r\n\r\n")
    assert value(shared, "kervan_refused_total", "http") == before + 1


def test_who_has_no_key_or_the_wrong_one_or_asks_too_often_is_counted(
    live: Callable[..., Live], tmp_path: Path
) -> None:
    watching, watcher = issue("metrics")
    often, asker = issue("predict", rate="1/hour")
    publish(tmp_path / "access.json", watching, often)
    server = live(keys=str(tmp_path / "access.json"))

    def asks(token: str) -> dict[str, str]:
        return {**JSON, "authorization": f"Bearer {token}"}

    statuses = [
        server.ask("POST", "/predict", ROW, headers).status
        for headers in (JSON, asks(watcher), asks(asker), asks(asker))
    ]
    assert statuses == [401, 403, 200, 429]
    lines = server.ask("GET", "/metrics", headers=asks(watcher)).body.decode().splitlines()
    for reason in ("key", "access", "rate"):
        assert f'kervan_refused_total{{reason="{reason}"}} 1.0' in lines


def test_open_connections_are_told(shared: Live) -> None:
    before = value(shared, "kervan_connections")
    with socket.create_connection(("127.0.0.1", shared.port)):
        shared.until(lambda: value(shared, "kervan_connections") == before + 1)
    shared.until(lambda: value(shared, "kervan_connections") == before)


def test_a_version_is_counted_for_itself(several: Live) -> None:
    assert several.predict(ROW).status == 200
    assert several.predict([{}]).status == 422
    name, version = several.state.model.split("@")
    counted = told(several)
    assert counted["kervan_model_rows_total", frozenset({name, version})] == 1
    assert counted["kervan_model_requests_total", frozenset({name, version, "answered"})] == 1
    assert counted["kervan_model_requests_total", frozenset({name, version, "refused"})] == 1
    assert counted["kervan_model_rows_total", frozenset({name, "2.0.0"})] == 0


def test_a_version_that_comes_back_goes_on_where_it_was(packages: dict[str, Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(packages["numeric"], store / "numeric")
    serving = Serving(
        environment="local",
        deployment="D1",
        package=str(packages["1.0.0"]),
        records=str(tmp_path / "records"),
        port=0,
        folder=str(store),
    )
    server = Live(tmp_path, serving)
    server.start()
    try:
        ready = "/v2/models/numeric/ready"
        server.until(lambda: server.ask("GET", ready).status == 200)
        for many in (1, 2):
            signature = server.ask("GET", "/v2/models/numeric").json
            rows = {
                "inputs": [
                    {"name": each["name"], "shape": [1], "datatype": "FP64", "data": [1.0]}
                    for each in signature["inputs"]
                ]
            }
            assert server.ask("POST", "/v2/models/numeric/infer", rows).status == 200
            assert value(server, "kervan_model_rows_total", "numeric", "1.0.0") == many
            assert server.ask("POST", "/v2/repository/models/numeric/unload", {}).status == 200
            assert value(server, "kervan_model_rows_total", "numeric", "1.0.0") == many
            assert server.ask("POST", "/v2/repository/models/numeric/load", {}).status == 200
    finally:
        server.kill()


def test_what_is_answered_late_by_a_version_that_left_is_counted() -> None:
    here = [("gelir", "1.0.0", Tally())]
    ledger = Ledger()
    ledger.watch(lambda: here)
    leaving = here[0][2]
    here[:] = [("gelir", "1.0.0", Tally())]
    ledger.look()
    leaving.add(3, 1, (0.0, 0.0, 0.0))
    here[0][2].add(2, 1, (0.0, 0.0, 0.0))
    assert ledger.counts() == [("gelir", "1.0.0", ModelCounts(2, 0, 5))]
    ledger.look()
    assert ledger.counts() == [("gelir", "1.0.0", ModelCounts(2, 0, 5))]


def test_a_worker_that_ended_is_counted(serving: Callable[..., Serving], tmp_path: Path) -> None:
    server = Live(tmp_path, replace(serving(), workers=2))
    server.start()
    try:
        server.until(lambda: value(server, "kervan_processes_ready") == 2)
        assert value(server, "kervan_processes_ended_total") == 0
        memory = value(server, "process_resident_memory_bytes")
        server.until(lambda: server.ask("GET", "/").json["pid"] != server.state.pid)
        os.kill(server.ask("GET", "/").json["pid"], signal.SIGKILL)
        server.until(lambda: value(server, "kervan_processes_ended_total") == 1)
        server.until(lambda: value(server, "kervan_processes") == 2)
        assert value(server, "process_resident_memory_bytes") < 1.5 * memory
    finally:
        server.terminate()

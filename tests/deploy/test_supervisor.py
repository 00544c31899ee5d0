"""Several processes at one address are one server, which outlives each of them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.serving import Serving
from kervan.serve.record import records
from serve.live import JSON, Live
from serve.real_packages import REGRESSION, ROW, make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def serving(packages: dict[str, Path], tmp_path: Path) -> Callable[..., Serving]:
    def make(version: str = "1.0.0", deployment: str = "D1", **told: Any) -> Serving:
        values = {"port": 0, "workers": 2, **told}
        return Serving(
            environment="production",
            deployment=deployment,
            package=values.pop("package", str(packages[version])),
            records=str(tmp_path / "records"),
            **values,
        )

    return make


@pytest.fixture
def two(serving: Callable[..., Serving], tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Live(folder, serving())
    server.start()
    yield server
    server.kill()


def pids(server: Live) -> set[int]:
    return {server.ask("GET", "/").json["pid"] for _ in range(60)}


def counted(server: Live, line: str) -> bool:
    return line in server.ask("GET", "/metrics").body.decode().splitlines()


def test_both_answer_and_tell_what_they_have_counted_together(two: Live, tmp_path: Path) -> None:
    assert len(pids(two)) == 2
    for _ in range(40):
        assert two.predict(ROW).status == 200
    two.until(lambda: counted(two, "kervan_rows_total 40.0"))
    two.until(lambda: counted(two, "kervan_records_written_total 40.0"))
    assert two.terminate() == 0
    assert len(list(records(tmp_path / "records"))) == 40
    assert len({path.name.split(".")[1] for path in (tmp_path / "records").iterdir()}) == 2


def test_one_that_dies_is_replaced_and_fails_nobody_else(two: Live) -> None:
    """Whoever is connected to the other one notices nothing; new callers wait for the next at worst."""
    connections: dict[int, http.client.HTTPConnection] = {}
    while len(connections) < 2:
        connection = http.client.HTTPConnection("127.0.0.1", two.port, timeout=30)
        connection.request("GET", "/")
        pid = json.loads(connection.getresponse().read())["pid"]
        if connections.setdefault(pid, connection) is not connection:
            connection.close()
    (victim, _), (survivor, other) = connections.items()
    before = pids(two)
    os.kill(victim, signal.SIGKILL)
    for _ in range(100):
        other.request("POST", "/predict", json.dumps(ROW), JSON)
        response = other.getresponse()
        assert response.status == 200
        response.read()
    two.until(lambda: len(pids(two) - {victim}) == 2)
    assert survivor in pids(two)
    assert pids(two) != before
    for each in connections.values():
        each.close()


def test_all_switch_or_none_does(
    two: Live, serving: Callable[..., Serving], packages: dict[str, Path]
) -> None:
    two.write(serving("2.0.0", "D2", port=two.port))
    two.hang_up()
    two.until(lambda: two.state.attempt == "D2")
    assert two.state.model == "gelir@2.0.0"
    assert {two.predict(ROW).json["model"] for _ in range(40)} == {"gelir@2.0.0"}
    two.write(serving("2.0.0", "D3", port=two.port, package="/nowhere"))
    two.hang_up()
    two.until(lambda: two.state.attempt == "D3")
    assert "no package" in two.state.error
    assert two.state.deployment == "D2"
    assert {two.predict(ROW).json["model"] for _ in range(40)} == {"gelir@2.0.0"}


def test_requests_go_on_while_all_switch(two: Live, serving: Callable[..., Serving]) -> None:
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(two.predict(ROW).status)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for place in range(3):
        two.write(serving(("2.0.0", "1.0.0")[place % 2], f"E{place}", port=two.port))
        two.hang_up()
        two.until(lambda place=place: two.state.deployment == f"E{place}")
    stop.set()
    for thread in asking:
        thread.join()
    assert len(statuses) > 50
    assert set(statuses) == {200}


def test_a_package_that_does_not_load_is_said(serving: Callable[..., Serving], tmp_path: Path) -> None:
    server = Live(tmp_path, serving(package="/nowhere"))
    server.start(wait=False)
    server.until((tmp_path / "state.json").exists)
    assert "no package" in server.state.error
    assert server.process is not None
    assert server.process.wait(timeout=30) == 1


def test_models_are_loaded_from_the_folder_alone(serving: Callable[..., Serving], tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    server = Live(tmp_path, serving(folder=str(folder)))
    server.start()
    try:
        make_package(folder / "kira", REGRESSION, name="kira")

        def known() -> set[Any]:
            return {server.ask("GET", "/models/kira").status for _ in range(20)}

        server.until(lambda: known() == {200})
    finally:
        server.terminate()

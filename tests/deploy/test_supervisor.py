"""Several processes at one address are one server, which outlives each of them."""

from __future__ import annotations

import http.client
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from deploy.asking import asking, pids
from kervan.deploy.process import orphans
from kervan.serve.record import records
from serve.live import JSON, Live
from serve.real_packages import REGRESSION, ROW, make_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.core.serving import Serving

pytestmark = pytest.mark.sampled


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
    with asking(two) as models:
        for place in range(3):
            two.write(serving(("2.0.0", "1.0.0")[place % 2], f"E{place}", port=two.port))
            two.hang_up()
            two.until(lambda place=place: two.state.deployment == f"E{place}")
    assert set(models) == {"gelir@1.0.0", "gelir@2.0.0"}


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


def test_replicas_outlive_their_supervisor_and_the_next_one_takes_them_over(
    two: Live, serving: Callable[..., Serving]
) -> None:
    replicas, port = pids(two), two.port
    with asking(two):
        assert two.process is not None
        two.process.kill()
        two.process.wait()
        assert pids(two, port) == replicas
        two.start(port)
        assert two.port == port
        assert pids(two) == replicas
        two.write(serving("2.0.0", "D2", port=port))
        two.hang_up()
        two.until(lambda: two.state.deployment == "D2")
    os.kill(min(replicas), signal.SIGKILL)
    two.until(lambda: len(pids(two) - {min(replicas)}) == 2)
    assert len(orphans(two.folder)) == 2
    assert two.terminate() == 0
    assert orphans(two.folder) == []


def test_a_change_during_which_the_supervisor_died_is_made_by_the_next(
    two: Live, serving: Callable[..., Serving]
) -> None:
    port = two.port
    assert two.process is not None
    two.write(serving("2.0.0", "D2", port=port))
    two.hang_up()
    two.process.kill()
    two.process.wait()
    two.start(port)
    two.until(lambda: two.state.attempt == "D2")
    assert (two.state.deployment, two.state.error) == ("D2", "")
    assert {two.predict(ROW).json["model"] for _ in range(40)} == {"gelir@2.0.0"}


def test_one_that_dies_again_and_again_is_given_up_and_the_others_go_on(
    two: Live, packages: dict[str, Path]
) -> None:
    hidden = packages["1.0.0"].with_name("gizli")
    packages["1.0.0"].rename(hidden)
    try:
        os.kill(min(pids(two)), signal.SIGKILL)
        two.until(lambda: "again and again" in two.state.error, 60)
    finally:
        hidden.rename(packages["1.0.0"])
    assert "no package" in two.state.error
    assert two.state.replicas == 1
    assert {two.predict(ROW).status for _ in range(20)} == {200}
    two.hang_up()
    two.until(lambda: two.state.replicas == 2)
    assert two.state.error == ""

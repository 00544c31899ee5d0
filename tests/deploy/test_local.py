from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from kervan.core.errors import Conflict, InvalidInput, NotFound, ServerFailed
from kervan.core.locks import process_number
from kervan.core.plugins import plugin
from kervan.core.ports import Target
from kervan.deploy.client import ask
from kervan.deploy.process import STATE, running
from kervan.deploy.targets.local import LocalTarget
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.conftest import Place


def model(url: str) -> str:
    return str(ask(url, [ROW])[0]["model"])


def live(place: Place) -> dict[str, Any]:
    return json.loads((place.folder / "live.json").read_bytes())


def test_is_a_target() -> None:
    assert isinstance(plugin("target", "local"), Target)


def test_speaks_grpc_where_the_release_says_so(place: Place) -> None:
    place.release(grpc_port=0)
    first = running(place.folder)
    assert first is not None
    assert first.grpc_port
    place.release("2.0.0", "D2", grpc_port=0)
    switched = running(place.folder)
    assert switched is not None
    assert (switched.pid, switched.grpc_port, switched.model) == (first.pid, first.grpc_port, "gelir@2.0.0")
    place.release("2.0.0", "D3")
    without = running(place.folder)
    assert without is not None
    assert without.grpc_port is None


def test_renders_a_file_that_can_be_read_and_compared(place: Place) -> None:
    place.render()
    text = (place.folder / "serving.json").read_text()
    assert json.loads(text)["environment"] == "üretim"
    assert '"deployment": "D1"' in text
    assert not (place.folder / "live.json").exists()


def test_starts_switches_and_removes(place: Place) -> None:
    url = place.release()
    assert model(url) == "gelir@1.0.0"
    number = process_number(place.folder)
    assert place.release("2.0.0", "D2") == url
    assert model(url) == "gelir@2.0.0"
    assert process_number(place.folder) == number
    assert place.release("2.0.0", "D2") == url
    state = running(place.folder)
    assert state is not None
    assert (state.deployment, state.model) == ("D2", "gelir@2.0.0")
    for _ in range(2):
        LocalTarget().remove(place.folder)
        assert running(place.folder) is None
    with pytest.raises(ServerFailed, match="no server answers"):
        ask(url, [ROW])
    assert model(place.release("1.0.0", "D3")) == "gelir@1.0.0"


def test_the_server_outlives_the_command_that_released_it(place: Place) -> None:
    place.render()
    code = (
        "import sys, pathlib; from kervan.core.serving import Plan\n"
        "from kervan.deploy.targets.local import LocalTarget\n"
        "print(LocalTarget().apply(pathlib.Path(sys.argv[1]), Plan(port=0)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(place.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    assert model(done.stdout.strip()) == "gelir@1.0.0"


def test_a_release_that_does_not_load_leaves_the_old_one(place: Place, tmp_path: Path) -> None:
    url = place.release()
    with pytest.raises(ServerFailed, match=r"kept gelir@1\.0\.0: .*missing holds no package"):
        place.release(deployment="D2", package=str(tmp_path / "missing"))
    assert model(url) == "gelir@1.0.0"
    assert (
        live(place)["deployment"]
        == json.loads((place.folder / "serving.json").read_bytes())["deployment"]
        == "D1"
    )
    assert model(place.release("2.0.0", "D3")) == "gelir@2.0.0"


def test_a_first_release_that_does_not_load_leaves_nothing(place: Place, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"did not start: .*missing holds no package"):
        place.release(package=str(tmp_path / "missing"))
    assert running(place.folder) is None
    assert not (place.folder / "live.json").exists()


def test_moves_to_another_address(place: Place) -> None:
    before = place.release()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ServerFailed, match=f"port {port} on 127.0.0.1 cannot be had: Address already in use"
        ):
            place.release("2.0.0", "D2", port=port)
        assert model(before) == "gelir@1.0.0"
    after = place.release("2.0.0", "D3", port=port)
    assert urlsplit(after).port == port
    assert model(after) == "gelir@2.0.0"
    with pytest.raises(ServerFailed):
        ask(before, [ROW])


def test_a_move_that_fails_brings_the_old_one_back(place: Place, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = place.release(port=port)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        other = probe.getsockname()[1]
    with pytest.raises(ServerFailed, match="did not start"):
        place.release(deployment="D2", port=other, package=str(tmp_path / "missing"))
    assert model(url) == "gelir@1.0.0"
    assert live(place)["deployment"] == "D1"


def test_a_killed_server_is_started_again(place: Place) -> None:
    place.release()
    number = process_number(place.folder)
    assert number is not None
    os.kill(number, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process_number(place.folder) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running(place.folder) is None
    assert model(place.release("2.0.0", "D2")) == "gelir@2.0.0"


def test_the_number_of_a_foreign_process_is_never_taken_for_ours(place: Place) -> None:
    url = place.release()
    LocalTarget().remove(place.folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as foreign:
        (place.folder / "server.lock").write_text(str(foreign.pid))
        assert running(place.folder) is None
        LocalTarget().remove(place.folder)
        assert foreign.poll() is None
        assert model(place.release()) == "gelir@1.0.0"
        assert foreign.poll() is None
        foreign.communicate()
    assert url


def test_two_releases_to_one_folder_exclude_each_other(place: Place) -> None:
    place.render()
    with (place.folder / "release.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="under way"):
            place.apply()
        with pytest.raises(Conflict, match="under way"):
            LocalTarget().remove(place.folder)
    assert model(place.apply()) == "gelir@1.0.0"


def test_releases_under_load_fail_no_request(place: Place) -> None:
    url = place.release()
    over, errors, models = threading.Event(), [], []

    def load() -> None:
        while not over.is_set():
            try:
                models.append(model(url))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failed request
                errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(2, 6):
        place.release("2.0.0" if turn % 2 == 0 else "1.0.0", f"D{turn}")
    over.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert set(models) == {"gelir@1.0.0", "gelir@2.0.0"}


def test_two_folders_do_not_know_each_other(place: Place, second: Callable[[], Place]) -> None:
    first_url, second_url = place.release(), second().release("2.0.0", "E1")
    assert (model(first_url), model(second_url)) == ("gelir@1.0.0", "gelir@2.0.0")
    LocalTarget().remove(place.folder)
    assert model(second_url) == "gelir@2.0.0"


def test_without_rendered_files_nothing_happens(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"serving\.json"):
        place.apply()
    (place.folder / "serving.json").write_text('{"package": 3}')
    with pytest.raises(InvalidInput, match=r"serving\.json"):
        place.apply()
    LocalTarget().remove(tmp_path / "never was")


def test_a_server_that_says_why_it_ends_does_not_run(place: Place) -> None:
    """As it is between the moment at which it says so and the one at which its lock is gone."""
    place.release()
    state = running(place.folder)
    assert state is not None
    told = json.loads((place.folder / STATE).read_text())
    (place.folder / STATE).write_text(json.dumps(told | {"deployment": ""}))
    assert process_number(place.folder) == state.pid
    assert running(place.folder) is None


def test_a_wider_address_is_refused_before_anything_starts(place: Place) -> None:
    with pytest.raises(ServerFailed, match="there are no keys"):
        place.release(host="0.0.0.0")
    assert running(place.folder) is None

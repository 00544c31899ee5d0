"""The process of an image, run as images run it: told by its environment alone, ended by SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import InvalidConfig
from kervan.core.sockets import listen
from kervan.serve import container
from serve.keyring import issue, publish
from serve.live import Reply, request
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def free_port() -> int:
    with listen("127.0.0.1", 0) as held:
        return int(held.getsockname()[1])


class Container:
    """The process with a port of its own, its log in a file."""

    def __init__(self, folder: Path, package: Path, *arguments: str, **told: str) -> None:
        self.port = free_port()
        self.log = folder / "log"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("KERVAN_")}
        given = {"PORT": str(self.port), "KERVAN_PACKAGE": str(package), "KERVAN_RECORDS": str(folder / "r")}
        self.environ = plain | given | told
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kervan.serve.container", *arguments], env=self.environ, stderr=log
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def until_ready(self) -> Container:
        deadline = time.monotonic() + 30
        while not any(line["message"] == "serving" for line in self.lines):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self

    def health(self) -> int:
        command = [sys.executable, "-m", "kervan.serve.container", "--health"]
        return subprocess.run(command, env=self.environ, check=False, capture_output=True).returncode

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return request(self.port, method, path, body, headers)


@pytest.fixture
def start(tmp_path: Path, packages: dict[str, Path]) -> Iterator[Callable[..., Container]]:
    started: list[Container] = []

    def make(*arguments: str, **told: str) -> Container:
        started.append(Container(tmp_path, packages["1.0.0"], *arguments, **told))
        return started[-1]

    yield make
    for each in started:
        each.process.kill()
        each.process.wait()


def test_behind_a_platform_it_answers_whoever_asks_and_ends_by_sigterm(
    start: Callable[..., Container],
) -> None:
    running = start("serve", KERVAN_PLATFORM="1").until_ready()
    assert running.ask("POST", "/predict", [ROW]).status == 200
    assert running.ask("GET", "/readyz").status == running.ask("GET", "/livez").status == 200
    assert running.health() == 0
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=30) == 0
    assert running.health() == 1


def test_with_keys_only_they_open_it_and_probes_stay_open(
    start: Callable[..., Container], tmp_path: Path
) -> None:
    grant, token = issue("predict")
    publish(tmp_path / "access.json", grant)
    running = start(KERVAN_KEYS=str(tmp_path / "access.json")).until_ready()
    assert running.ask("POST", "/predict", [ROW]).status == 401
    assert running.ask("POST", "/predict", [ROW], authorization=f"Bearer {token}").status == 200
    assert running.ask("GET", "/readyz").status == 200
    assert running.health() == 0


def test_where_only_a_proxy_elsewhere_may_connect_health_is_that_it_listens(
    start: Callable[..., Container], tmp_path: Path
) -> None:
    publish(tmp_path / "access.json", issue("predict")[0])
    running = start(KERVAN_KEYS=str(tmp_path / "access.json"), KERVAN_PROXY="10.0.0.0/8").until_ready()
    assert running.health() == 0


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "there are no keys, and no platform"),
        ({"KERVAN_PLATFORM": "perhaps"}, "KERVAN_PLATFORM='perhaps' is not 1 or 0"),
        ({"KERVAN_PLATFORM": "1", "PORT": "99999"}, "PORT='99999' is not a port"),
        ({"KERVAN_PLATFORM": "1", "KERVAN_TRUSTED": "another"}, "none of those that you trust"),
        ({"KERVAN_PLATFORM": "1", "KERVAN_PACKAGE": "/nowhere"}, "/nowhere holds no package"),
        ({"KERVAN_PLATFORM": "1", "KERVAN_RECORDS": "/proc/records"}, "may not write into /proc/records"),
        ({"KERVAN_KEYS": "/nowhere/access.json"}, "/nowhere/access.json"),
    ],
)
def test_what_cannot_be_served_is_one_line_that_says_what_to_do(
    start: Callable[..., Container], told: dict[str, str], said: str
) -> None:
    refused = start(**told)
    assert refused.process.wait(timeout=30) == 1
    (line,) = refused.lines
    assert said in line["message"]
    assert line["kervan.hint"]


def test_other_arguments_are_refused(start: Callable[..., Container]) -> None:
    refused = start("train")
    assert refused.process.wait(timeout=30) == 2
    assert "usage" in refused.lines[0]["message"]


def test_what_is_kept_is_read_from_json() -> None:
    told = {"KERVAN_PLATFORM": "1", "KERVAN_KEEPING": '{"sample": 0.5, "leave_out": ["yaş"]}'}
    keeping = container.serving_of(told).keeping
    assert (keeping.sample, keeping.leave_out) == (0.5, ("yaş",))
    with pytest.raises(InvalidConfig, match="KERVAN_KEEPING"):
        container.serving_of({**told, "KERVAN_KEEPING": "half"})

"""A server that somebody starts in a terminal, here a real one of the system."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from kervan.serve.metrics import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.sampled

WATCH = re.compile(r"requests/s · p50 .* ms · p99 .* ms · 0 errors · [\d,]+ MB")


class Terminal:
    """What a command shows on a terminal of its own."""

    def __init__(self, command: list[str], folder: Path, columns: int = 100) -> None:
        self.shown = ""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kervan", *command], cwd=folder, stderr=slave, env=environment
        )
        os.close(slave)

    def until(self, holds: Callable[[str], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds(self.shown):
            assert time.monotonic() < deadline, self.shown
            if select.select([self._master], [], [], 0.1)[0]:
                self.shown += os.read(self._master, 65536).decode(errors="replace")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    @property
    def url(self) -> str:
        self.until(lambda text: "Ctrl-C" in text and "records" in text)
        found = re.search(r"answers at (\S+?)[; ]", self.shown)
        assert found
        return found[1]

    @property
    def lines(self) -> list[str]:
        return re.split(r"[\r\n]+(?:\x1b\[2K)?", self.shown)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(*command: str, columns: int = 100) -> Terminal:
        started.append(Terminal(list(command), tmp_path, columns))
        return started[-1]

    yield start
    for each in started:
        each.end(signal.SIGKILL)


def ask(url: str, times: int) -> None:
    for _ in range(times):
        urllib.request.urlopen(f"{url}/models").close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_terminal_shows_who_answers_and_how(
    terminal: Callable[..., Terminal], packages: dict[str, Path], workers: str
) -> None:
    names = [str(packages["1.0.0"]), str(packages["regression"])]
    server = terminal("serve", *names, "--port", "0", "--workers", workers)
    url = server.url
    assert "gelir@1.0.0, kira@1.0.0" in server.shown
    assert re.search(r"predict +/predict", server.shown)
    assert f"{url}/docs" in server.shown
    assert re.search(r"keys +off\s+TLS +off", server.shown)
    ask(url, 20)
    server.until(WATCH.search)
    assert server.end() == 0
    assert "@timestamp" not in server.shown
    assert all(len(line) < 100 for line in server.lines)


def test_a_narrow_terminal_is_not_written_beyond(
    terminal: Callable[..., Terminal], packages: dict[str, Path]
) -> None:
    server = terminal("serve", str(packages["1.0.0"]), "--port", "0", columns=30)
    server.until(lambda text: "requests/s" in text)
    live = [line for line in server.lines if "requests/s" in line]
    assert max(map(len, live)) <= 29
    assert server.end(signal.SIGTERM) == 0


def test_json_lines_are_written_to_a_terminal_where_that_is_wanted(
    terminal: Callable[..., Terminal], packages: dict[str, Path]
) -> None:
    server = terminal("serve", str(packages["1.0.0"]), "--port", "0", "--log", "json")
    server.until(lambda text: '"message":"serving"' in text)
    assert "requests/s" not in server.shown
    assert server.end() == 0


@pytest.mark.parametrize(("share", "value"), [(0.0, 0.0), (0.5, 1.0), (0.75, 1.5), (1.0, 2.0)])
def test_quantiles_are_as_prometheus_has_them(share: float, value: float) -> None:
    spread = Spread((1.0, 2.0))
    assert spread.quantile(share) is None
    spread.add(0.5, 2)
    spread.add(1.5, 2)
    assert spread.quantile(share) == value


def test_what_is_beyond_the_last_bound_counts_as_that() -> None:
    spread = Spread((1.0, 2.0))
    spread.add(5.0)
    assert spread.quantile(0.5) == 2.0

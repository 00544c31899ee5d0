"""What a replica may take, by whichever means this machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kervan.core.serving import Plan
from kervan.deploy.limits import set_limits
from kervan.deploy.usage import resident
from serve.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kervan.core.serving import Serving

MEMORY = 64 << 20
HUNGRY = (
    "import sys; sys.stdin.readline(); held = bytes(range(256)) * (1 << 20); print(len(held), flush=True)"
)


@pytest.fixture
def hungry() -> Iterator[subprocess.Popen[str]]:
    """A process that takes 256 MB once a line is written to it."""
    command = [sys.executable, "-c", HUNGRY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def eat(process: subprocess.Popen[str]) -> str:
    """Let it take its memory, and return what it says then: nothing if it did not survive that."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


def test_without_groups_memory_is_watched(hungry: subprocess.Popen[str], tmp_path: Path) -> None:
    limits = set_limits(Plan(memory=MEMORY), hungry.pid, tmp_path / "0", groups=tmp_path / "none")
    assert not limits.are_broken(hungry.pid)
    assert eat(hungry)
    assert resident(hungry.pid) > MEMORY
    assert limits.are_broken(hungry.pid)


def test_without_groups_cores_are_dealt_out(hungry: subprocess.Popen[str], tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for place in range(2):
        set_limits(Plan(cpu=0.5), hungry.pid, tmp_path / str(place), groups=tmp_path / "none")
        assert os.sched_getaffinity(hungry.pid) == {cores[place % len(cores)]}


def test_with_groups_the_system_ends_who_takes_too_much(
    hungry: subprocess.Popen[str], tmp_path: Path
) -> None:
    limits = set_limits(Plan(memory=MEMORY, cpu=0.5), hungry.pid, tmp_path / "0")
    if limits.memory:
        pytest.skip("control groups cannot be written here")
    assert not eat(hungry)
    hungry.wait()
    limits.lift()
    assert not any(group.exists() for group in limits.groups)


def test_a_package_that_needs_more_than_it_may_take_is_told(
    serving: Callable[..., Serving], tmp_path: Path
) -> None:
    server = Live(tmp_path, serving(), Plan(memory=30 << 20, cpu=1.0))
    server.start(wait=False)
    server.until((tmp_path / "state.json").exists)
    assert server.state.error == "replica 0 needs more memory than 31,457,280 bytes"
    assert "a replica may take 31,457,280 bytes by" in server.log
    server.kill()

"""`kill -9` of whoever takes part in a release: callers go on, and it ends in the old or the new state.

A few instants are taken each time; `KERVAN_TEST_KILLS=50` takes so many for each strategy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from faults.killing import KILLS, ROW, instants, is_well
from journeys.callers import calling
from journeys.home import KERVAN, conductor
from kervan.core.locks import process_number

if TYPE_CHECKING:
    from journeys.home import Home

OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"
SECONDS = 4.0
STRATEGIES = {
    "at-once": (),
    "rolling": (),
    "blue-green": ("--every", "1s", "--samples", "1"),
    "canary": ("--steps", "20,50", "--every", "1s", "--samples", "1"),
    "shadow": ("--samples", "1"),
}
WHO = ("command", "conductor", "supervisor", "replica")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_release_ends_whoever_is_killed(grown: Home, strategy: str) -> None:
    count = KILLS or 2
    dice, found = instants(range(count), count, SECONDS)
    for place, after in enumerate(found):
        who = WHO[place % len(WHO)] if KILLS else dice.choice(WHO)
        with calling(grown, ROW, may_fail=who == "replica") as callers:
            command = ["release", NEW, "--strategy", strategy, *STRATEGIES[strategy], "--again"]
            with subprocess.Popen(
                [*KERVAN, *command, "--why", "yeniden", "--quiet"],
                cwd=grown.folder,
                env=grown.surroundings(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                time.sleep(after)
                kill(grown, who, process)
            ended = end(grown)
            case = f"{who} killed after {after:.2f} s of {strategy}"
            assert ended in ({OLD: 1}, {NEW: 1}, {NEW: 1, OLD: 0}), case
            # A supervisor that takes replicas over tells them a moment later what they are to answer for.
            until(lambda ended=ended: ended.get(callers.answers[-1][1]) == 1)
        is_well(grown)
        grown.ask("release", OLD, "--again", "--why", "geri", "--quiet")


def kill(home: Home, who: str, process: subprocess.Popen[bytes]) -> None:
    """Kill whom it is about, if they are there."""
    folder = home.folder / ".kervan" / "environments" / "üretim"
    numbers = {
        "command": process.pid if process.poll() is None else None,
        "conductor": conductor(folder),
        "supervisor": process_number(folder),
        "replica": next((process_number(each) for each in sorted((folder / "replicas").iterdir())), None),
    }
    number = numbers[who]
    if number is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def end(home: Home) -> dict[str, float]:
    """Let what is under way end, people saying what only they can; return the shares then."""
    deadline = time.monotonic() + 90
    while True:
        assert time.monotonic() < deadline
        stands: dict[str, Any] = next(each for each in home.ask("releases", "--json").json if each["state"])
        going = stands["under_way"]
        if going is None:
            return dict(stands["shares"])
        if going["strategy"] == "shadow":
            home.ask("release", "promote", "üretim", code=None)
        time.sleep(0.2)


def until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)

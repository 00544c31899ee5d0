"""Commands that are killed: at which instants, how, and what a project has to be like afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from journeys.home import KERVAN, SETTINGS, Home
from kervan.core.locks import process_number
from kervan.deploy.process import orphans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNRELEASED = SETTINGS.partition("[release]")[0]
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}
KILLS = int(os.environ.get("KERVAN_TEST_KILLS", "0"))  # 0: some, at other instants each time
RUNS = KILLS or 6  # over both halves of a run


def killed(home: Home, after: float, command: list[str], *, whole_group: bool) -> int:
    """Start a command, kill it (or all that it started) after some seconds, return how it ended."""
    with subprocess.Popen(
        [*KERVAN, *command],
        cwd=home.folder,
        env=home.surroundings(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=after)
        with suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        return process.wait()


def instants(places: Sequence[int], count: int, seconds: float) -> tuple[random.Random, list[float]]:
    """Cut a duration into so many slices; return an instant at random in each named one, in any order."""
    seed = int(os.environ.get("KERVAN_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"repeat with KERVAN_TEST_SEED={seed}")  # noqa: T201 - shown when the test fails
    dice = random.Random(seed)
    found = [(place + dice.random()) * seconds / count for place in places]
    dice.shuffle(found)
    return dice, found


def kill_server(folder: Path) -> None:
    """Kill what answers from a folder: the supervisor first, so that it starts nothing again."""
    places = [folder, *orphans(folder)]
    for place in places:
        number = process_number(place)
        if number is not None:
            os.kill(number, signal.SIGKILL)
        while process_number(place) == number is not None:
            time.sleep(0.02)


def is_well(home: Home) -> None:
    findings = home.ask("doctor", "--json").json
    assert [each for each in findings if each["verdict"] != "passed"] == []
    home.ask("audit", "verify")


def kill_runs(folder: Path, places: Sequence[int]) -> None:
    """Kill runs within some of `RUNS` slices of their time; the next run of each has to finish it."""

    def fresh(name: str) -> Home:
        (folder / name).mkdir()
        return Home(folder / name).start(120, UNRELEASED)

    fresh("ısınma").run("run", "--quiet")
    started = time.monotonic()
    fresh("bütün").run("run", "--quiet")
    dice, found = instants(places, RUNS, 0.98 * (time.monotonic() - started))
    endings = set()
    for place, after in enumerate(found):
        home = fresh(f"öldür {place}")
        whole_group = dice.random() < 0.5
        endings.add(killed(home, after, ["run", "--quiet"], whole_group=whole_group))
        case = f"killed after {after:.3f} s, {'all' if whole_group else 'the parent alone'}"
        ran = home.ask("run", "--quiet", "--json", code=None)
        assert ran.code == 0, f"{case}: {ran.err}"
        is_well(home)
        assert [model["version"] for model in home.ask("models", "--json").json] == ["1.0.0"], case
        assert [data["version"] for data in home.ask("data", "--json").json] == ["1"], case
        shutil.rmtree(home.folder)
    assert -signal.SIGKILL in endings

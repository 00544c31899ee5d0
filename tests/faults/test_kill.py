"""`kill -9` at any instant leaves the old state or the new one: the next `kervan run` goes on from there."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from journeys.home import KERVAN, SETTINGS, Home

if TYPE_CHECKING:
    from pathlib import Path

INSTANTS = 50
RELEASES = 12
UNRELEASED = SETTINGS.partition("[release]")[0]
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}


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


def instants(count: int, seconds: float) -> tuple[random.Random, list[float]]:
    """Spread instants over a duration: one at random in each slice, in a random order."""
    seed = int(os.environ.get("KERVAN_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"repeat with KERVAN_TEST_SEED={seed}")  # noqa: T201 - shown when the test fails
    dice = random.Random(seed)
    found = [(place + dice.random()) * seconds / count for place in range(count)]
    dice.shuffle(found)
    return dice, found


def is_well(home: Home) -> None:
    findings = home.ask("doctor", "--json").json
    assert [each for each in findings if each["verdict"] != "passed"] == []
    home.ask("audit", "verify")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_at_any_instant_is_finished_by_the_next(tmp_path: Path) -> None:
    def fresh(name: str) -> Home:
        folder = tmp_path / name
        folder.mkdir()
        return Home(folder).start(120, UNRELEASED)

    fresh("ısınma").run("run", "--quiet")
    started = time.monotonic()
    fresh("bütün").run("run", "--quiet")
    dice, found = instants(INSTANTS, 1.05 * (time.monotonic() - started))
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


@pytest.mark.slow
def test_a_release_that_is_killed_at_any_instant_is_finished_by_the_next(lived: Home) -> None:
    started = time.monotonic()
    lived.run("release", "--quiet")
    lived.run("release", "--stop")
    dice, found = instants(RELEASES, 0.9 * (time.monotonic() - started))
    for after in found:
        killed(lived, after, ["release", "--quiet"], whole_group=dice.random() < 0.5)
        lived.ask("release", "--quiet")
        assert lived.predict(ROW)["model"] == "müşteri-kaybı@1.0.0"
        is_well(lived)
        assert len(lived.ask("releases", "--json").json) == 1
        if dice.random() < 0.5:
            lived.ask("release", "--stop")


def test_predictions_that_are_on_disk_survive_the_servers_death(lived: Home) -> None:
    lived.ask("release")
    asked = [lived.predict(ROW)["id"] for _ in range(3)]
    os.kill(server(lived), signal.SIGKILL)
    for ident in asked:
        assert lived.ask("trace", ident, "--json").json["asked"]["id"] == ident


def test_a_server_that_crashed_is_brought_back_by_the_next_release(lived: Home) -> None:
    lived.ask("release")
    first = server(lived)
    os.kill(first, signal.SIGKILL)
    reply = lived.ask("predict", "üretim", "--row", "{}", code=8)
    assert "no server answers at" in reply.err
    assert "release" in reply.err.partition(" hint: ")[2]
    lived.ask("release")
    assert server(lived) != first
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}
    is_well(lived)


def server(home: Home) -> int:
    return int((home.folder / ".kervan/environments/üretim/server.lock").read_text())

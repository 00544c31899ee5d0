"""`kill -9` at any instant leaves the old state or the new one: the next command goes on from there.

Runs are killed in `test_kill_early.py` and `test_kill_late.py`.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from faults.killing import KILLS, ROW, instants, is_well, kill_server, killed
from kervan.core.locks import process_number

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home

RELEASES = KILLS or 4


@pytest.mark.slow
def test_a_release_that_is_killed_at_any_instant_is_finished_by_the_next(lived: Home) -> None:
    started = time.monotonic()
    lived.run("release", "--quiet")
    lived.run("release", "--stop")
    dice, found = instants(range(RELEASES), RELEASES, 0.9 * (time.monotonic() - started))
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
    kill_server(environment(lived))
    for ident in asked:
        assert lived.ask("trace", ident, "--json").json["asked"]["id"] == ident


def test_a_server_that_crashed_is_brought_back_by_the_next_release(lived: Home) -> None:
    lived.ask("release")
    first = process_number(environment(lived))
    kill_server(environment(lived))
    reply = lived.ask("predict", "üretim", "--row", "{}", code=8)
    assert "no server answers at" in reply.err
    assert "release" in reply.err.partition(" hint: ")[2]
    lived.ask("release")
    assert process_number(environment(lived)) not in {first, None}
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}
    is_well(lived)


def test_a_supervisor_that_was_killed_is_missed_by_nobody(lived: Home) -> None:
    lived.ask("release")
    first = process_number(environment(lived))
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}
    assert [each["state"] for each in lived.ask("releases", "--json").json] == ["running"]
    assert process_number(environment(lived)) not in {first, None}
    lived.ask("release", "--stop")
    lived.ask("predict", "üretim", "--row", "{}", code=8)
    is_well(lived)


def environment(home: Home) -> Path:
    return home.folder / ".kervan/environments/üretim"

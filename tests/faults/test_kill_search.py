"""`kill -9` in the middle of a search: the next one has all trials, none lost and none done twice."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from faults.killing import UNRELEASED, instants, is_well, killed
from journeys.home import Home
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("KERVAN_TEST_KILLS", "0")) or 3
TRIALS = 12
SETTINGS = UNRELEASED.replace('["linear"]', '["linear", "tree"]').replace(
    "folds = 2", f'folds = 2\nsearch = {{ trials = {TRIALS}, prune = "none" }}'
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_that_is_killed_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    whole, home = fresh(tmp_path / "bütün"), fresh(tmp_path / "öldürülen")
    started = time.monotonic()
    whole.run("train", "--quiet")
    dice, found = instants(range(KILLS), KILLS, time.monotonic() - started)
    endings = set()
    for after in found:
        endings.add(killed(home, after, ["train", "--quiet"], whole_group=dice.random() < 0.5))
        done = numbers(home)
        assert len(done) == len(set(done)), f"a trial is there twice after a kill at {after:.3f} s: {done}"
    home.run("train", "--quiet")
    assert numbers(home) == list(range(TRIALS))
    assert recipes(home) == recipes(whole), "what was killed drew other trials than what was not"
    assert -signal.SIGKILL in endings
    is_well(home)


def fresh(folder: Path) -> Home:
    folder.mkdir()
    return Home(folder).start(200, SETTINGS)


def trials(home: Home) -> list[Run]:
    with home.opened() as project:
        runs = [run for run in project.store.catalog.all(Run) if "trial" in run.parameters]
    return sorted(runs, key=lambda run: int(run.parameters["trial"]))


def numbers(home: Home) -> list[int]:
    return [int(run.parameters["trial"]) for run in trials(home)]


def recipes(home: Home) -> list[dict[str, object]]:
    return [dict(run.parameters) for run in trials(home)]

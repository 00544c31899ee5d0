"""How work on a project tells that it gets on."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from kervan.app.project import signs, unread_project

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Stage


def test_a_stage_that_takes_a_while_tells_that_it_goes_on(tmp_path: Path) -> None:
    told: list[Stage] = []
    heard = threading.Event()

    def observe(stage: Stage) -> None:
        told.append(stage)
        heard.set()

    project = replace(unread_project(tmp_path), observe=observe)
    with project.stage("fit") as tell:
        assert heard.wait(60)
        tell("done")
    first, last = told[0], told[-1]
    assert (first.name, first.seconds, first.detail) == ("fit", None, "still at work after 2 s")
    assert (last.name, last.detail) == ("fit", "done")


def test_a_day_of_work_does_not_flood_a_log() -> None:
    day = list(takewhile(lambda seconds: seconds <= 24 * 3600, signs()))
    assert len(day) < 300
    gaps = [later - earlier for earlier, later in pairwise(day)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 300

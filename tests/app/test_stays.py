"""Where versions answered: shares that change are one stay, another role or a pause begins a new one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kervan.app.environments import SCOPE
from kervan.app.stays import stays
from kervan.core.identity import new_id
from kervan.core.nouns import Deployment
from kervan.core.serving import Plan, ShareRole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeys.home import Home
    from kervan.app.project import Project

OLD, NEW = "gelir@1.0.0", "gelir@1.1.0"


@pytest.fixture
def project(home: Home) -> Iterator[Project]:
    home.start()
    with home.opened() as opened:
        yield opened


def answers(
    project: Project,
    environment: str,
    shares: Mapping[str, float],
    roles: Mapping[str, ShareRole] | None = None,
    why: str = "",
) -> None:
    made = Deployment(
        id=new_id(),
        name=environment,
        creator="ayşe",
        time=time.time(),
        shares=shares,
        plan=Plan(),
        endpoint="http://127.0.0.1:1",
        why=why,
        roles=roles or {},
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(made)
        transaction.point(SCOPE, environment, made.id, why=why)


def test_a_canary_is_one_stay_as_candidate_and_then_one_as_stable(project: Project) -> None:
    candidate = {NEW: ShareRole.CANDIDATE}
    answers(project, "canlı", {OLD: 1.0}, why="ilk")
    for share in (0.05, 0.2, 0.5):
        answers(project, "canlı", {OLD: 1 - share, NEW: share}, candidate, why="deneme")
    answers(project, "canlı", {NEW: 1.0}, why="yükseltme")
    now, *before = stays(project, "gelir")
    assert (now.model, now.role, now.share, now.until, now.why) == (
        NEW,
        ShareRole.STABLE,
        1.0,
        None,
        "yükseltme",
    )
    assert now.is_now
    assert [(each.model, each.role, each.share, each.why) for each in before] == [
        (NEW, ShareRole.CANDIDATE, 0.5, "deneme"),
        (OLD, ShareRole.STABLE, 0.5, "ilk"),
    ]
    assert before[0].until == before[1].until == now.since


def test_a_version_that_comes_back_stays_anew(project: Project) -> None:
    for ref in (OLD, NEW, OLD):
        answers(project, "canlı", {ref: 1.0})
    answers(project, "deneme", {NEW: 1.0})
    found = stays(project, "gelir")
    assert [(each.environment, each.model, each.is_now) for each in found] == [
        ("deneme", NEW, True),
        ("canlı", OLD, True),
        ("canlı", NEW, False),
        ("canlı", OLD, False),
    ]
    assert stays(project, "başka") == ()

"""Replicas are replaced one after the other where one that runs cannot change, and nobody notices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from deploy.asking import asking, pids
from kervan.core.serving import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.core.serving import Serving
    from serve.live import Live

pytestmark = pytest.mark.sampled


def change(server: Live, plan: Plan, serving: Serving) -> None:
    server.plan = plan
    server.write(replace(serving, port=server.port))
    server.hang_up()
    server.until(lambda: server.state.attempt == serving.deployment, 60)


def test_all_are_replaced_under_load(two: Live, serving: Callable[..., Serving]) -> None:
    before = pids(two)
    with asking(two) as models:
        change(two, Plan(workers=2, rolls=True), serving("2.0.0", "D2"))
        assert (two.state.deployment, two.state.replicas) == ("D2", 2)
        after = pids(two)
        assert not after & before
        many = len(models)
        two.until(lambda: len(models) > many + 50)
    assert set(models[many + 4 :]) == {"gelir@2.0.0"}


def test_one_that_does_not_come_up_lets_all_go_back(two: Live, serving: Callable[..., Serving]) -> None:
    before = pids(two)
    with asking(two) as models:
        change(two, Plan(workers=2, rolls=True), serving("2.0.0", "D2", package="/nowhere"))
        assert "no package" in two.state.error
        assert two.state.deployment == "D1"
    assert set(models) == {"gelir@1.0.0"}
    assert pids(two) == before


def test_what_a_running_one_cannot_change_needs_no_stop(two: Live, serving: Callable[..., Serving]) -> None:
    """Another rate, or another number of replicas."""
    before = pids(two)
    with asking(two):
        change(two, Plan(workers=3), serving(deployment="D2"))
        assert two.state.replicas == 3
        assert before < pids(two)
        change(two, Plan(workers=1), serving(deployment="D3", rate="100000/second"))
        two.until(lambda: two.state.replicas == 1)
        assert not before & pids(two)

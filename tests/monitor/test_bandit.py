from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from kervan.monitor.bandit import allocate
from kervan.monitor.means import Moments


def test_shares_are_how_likely_each_version_is_the_best() -> None:
    known = {"a": Moments().plus([1.0] * 60 + [0.0] * 40), "b": Moments().plus([1.0] * 55 + [0.0] * 45)}
    one, other = stats.beta(61, 41), stats.beta(56, 46)
    wanted, _ = integrate.quad(lambda mean: one.pdf(mean) * other.cdf(mean), 0, 1)
    shares = allocate(known, np.random.default_rng(0), draws=100_000, floor=0.0)
    assert shares["a"] == pytest.approx(wanted, abs=0.01)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_rewards_of_any_size_are_compared_too() -> None:
    random = np.random.default_rng(1)
    known = {
        name: Moments().plus(random.normal(mean, 20, 400).tolist()) for name, mean in (("a", 100), ("b", 110))
    }
    shares = allocate(known, random)
    assert shares["b"] == pytest.approx(0.95)


def test_a_version_of_which_nothing_is_known_gets_its_part() -> None:
    random = np.random.default_rng(2)
    for rewards in ([0.0, 1.0] * 50, [10.0, 30.0] * 50):
        shares = allocate({"old": Moments().plus(rewards), "new": Moments()}, random)
        assert 0.3 < shares["new"] < 0.7


def test_nobody_gets_less_than_the_floor() -> None:
    known = {f"v{number}": Moments().plus([float(number == 2)] * 100) for number in range(4)}
    shares = allocate(known, np.random.default_rng(3), floor=0.1)
    assert shares == {"v0": 0.1, "v1": 0.1, "v2": 0.7, "v3": 0.1}


def test_in_the_long_run_most_of_the_traffic_goes_to_the_best() -> None:
    random = np.random.default_rng(4)
    chances = {"a": 0.10, "b": 0.13, "c": 0.08}
    known = {name: Moments() for name in chances}
    for _ in range(30):
        for name, share in allocate(known, random, draws=500).items():
            won = random.random(round(1000 * share)) < chances[name]
            known[name] = known[name].plus(won.astype(float).tolist())
    assert known["b"].count > 0.7 * sum(each.count for each in known.values())

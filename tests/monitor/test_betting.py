from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.monitor.betting import Differences, log_wealth


def losses_of(random: np.random.Generator, shape: tuple[int, ...], lost: float, won: float) -> np.ndarray:
    drawn = random.random(shape)
    return np.where(drawn < lost, 1.0, np.where(drawn < lost + won, -1.0, 0.0))


def seen(figures: np.ndarray) -> Differences:
    found = Differences()
    found.add(figures.tolist())
    return found


@given(st.floats(0, 0.5), st.floats(0, 0.4), st.integers(1, 5))
def test_nobody_can_expect_to_win_where_the_mean_is_at_the_bound(won: float, bound: float, rows: int) -> None:
    chances = {-1.0: won, 1.0: min(won + bound, 1 - won)}
    chances[0.0] = 1 - sum(chances.values())
    mean = chances[1.0] - chances[-1.0]
    expected = 0.0
    for figures in product(chances, repeat=rows):
        chance = math.prod(chances[figure] for figure in figures)
        expected += chance * math.exp(seen(np.array(figures)).log_above(mean))
    assert expected == pytest.approx(1.0, abs=1e-9)


def test_looking_after_each_label_raises_no_more_false_alarms_than_promised() -> None:
    losses = losses_of(np.random.default_rng(0), (500, 1500), 0.05, 0.05)
    counts = [np.stack([(each == figure).cumsum() for figure in (-1, 0, 1)]) for each in losses]
    highest = [log_wealth(np.array([-1.0, 0.0, 1.0]), each.astype(float), 0.0).max() for each in counts]
    assert 0.01 < np.mean(np.array(highest) >= math.log(20)) <= 0.05


def test_a_worse_model_is_found_and_a_like_one_is_proven() -> None:
    random = np.random.default_rng(1)
    worse = seen(losses_of(random, (1500,), 0.06, 0.02))
    alike = seen(losses_of(random, (1500,), 0.02, 0.02))
    assert worse.log_above(0.0) > math.log(200) > 0 > worse.log_below(0.03)
    assert alike.log_below(0.03) > math.log(20) > 0 > alike.log_above(0.01)


@pytest.mark.parametrize("rows", [1, 50, 2000])
def test_the_interval_is_where_nothing_is_refused(rows: int) -> None:
    found = seen(losses_of(np.random.default_rng(2), (rows,), 0.1, 0.03))
    low, high = found.interval(0.05)
    assert -1 <= low <= found.mean <= high <= 1  # type: ignore[operator]
    if rows > 1:
        assert found.log_above(low) == pytest.approx(math.log(40), abs=0.05)
        assert found.log_below(high) == pytest.approx(math.log(40), abs=0.05)


def test_intervals_cover_at_all_times_together() -> None:
    misses = 0
    for seed in range(100):
        losses = losses_of(np.random.default_rng(seed), (800,), 0.2, 0.1)
        found = Differences()
        is_missed = False
        for start in range(0, 800, 50):
            found.add(losses[start : start + 50].tolist())
            low, high = found.interval(0.1)
            is_missed |= not low <= 0.1 <= high
        misses += is_missed
    assert misses <= 10


def test_what_is_not_between_its_bounds_counts_as_the_bound() -> None:
    found = Differences()
    found.add([5.0, -3.0, 0.5])
    assert found.mean == pytest.approx(0.5 / 3)


def test_nothing_is_known_of_nothing() -> None:
    assert Differences().mean is None
    assert Differences().interval(0.05) == (-1.0, 1.0)
    assert Differences().log_above(0.0) == pytest.approx(0.0, abs=1e-12)

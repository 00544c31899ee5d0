from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kervan.monitor.means import LEAST, Moments, difference_of, mean_of

FIGURES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(FIGURES, FIGURES)
def test_moments_are_those_of_all_figures(before: list[float], after: list[float]) -> None:
    found = Moments().plus(before).plus(after)
    both = np.array(before + after)
    scale = max(1.0, float(np.abs(both).max()))
    assert found.count == len(both)
    assert found.mean == pytest.approx(both.mean(), abs=1e-9 * scale)
    assert found.variance == pytest.approx(both.var(ddof=1), rel=1e-6, abs=1e-9 * scale**2)
    assert (found.lowest, found.highest) == (both.min(), both.max())


def test_the_interval_covers_at_all_times_together() -> None:
    """Each of 400 pairs of samples of exponential figures is looked at 40 times."""
    random = np.random.default_rng(0)
    misses = 0
    for _ in range(400):
        old, new = Moments(), Moments()
        is_missed = False
        for _ in range(40):
            old = old.plus(random.exponential(1.0, 60).tolist())
            new = new.plus((0.3 + random.exponential(1.0, 20)).tolist())
            apart = difference_of(new, old)
            if apart is not None:
                low, high = apart.interval(0.05)
                is_missed |= not low <= 0.3 <= high
        misses += is_missed
    assert misses <= 0.05 * 400


def test_it_is_wider_than_an_interval_for_one_look_and_narrows() -> None:
    random = np.random.default_rng(1)
    widths = []
    for rows in (100, 1000, 10_000):
        figures = random.normal(size=rows)
        found = mean_of(Moments().plus(figures.tolist()))
        assert found is not None
        low, high = found.interval(0.05)
        once = stats.t.interval(0.95, rows - 1, figures.mean(), stats.sem(figures))
        assert 1.2 < (high - low) / (once[1] - once[0]) < 2.5
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("alpha", [0.05, 0.0004])
def test_evidence_reaches_its_threshold_where_the_interval_ends(alpha: float) -> None:
    found = mean_of(Moments().plus(np.random.default_rng(2).normal(3, 1, 500).tolist()))
    assert found is not None
    low, high = found.interval(alpha)
    assert found.log_above(low, alpha) == pytest.approx(-math.log(alpha))
    assert found.log_below(high, alpha) == pytest.approx(-math.log(alpha))
    assert found.log_below(low, alpha) == found.log_above(high, alpha) == 0.0


def test_few_figures_tell_nothing() -> None:
    few, many = Moments().plus([0.0, 1.0]), Moments().plus([0.0, 1.0] * LEAST)
    assert mean_of(few) is None
    assert difference_of(few, many) is None
    assert difference_of(many, many) is not None

"""Two models on the same rows: the figures are the metrics' own, and intervals hold the true difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kervan.model.metrics import Task, scores
from kervan.model.paired import Paired, paired

Floats = NDArray[np.float64]


def classified(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], Floats, Floats]:
    """Two models that see the same signal, the second one more dimly."""
    signal = random.normal(size=rows)
    truth = (signal + random.normal(size=rows) > 0).astype(np.int64)
    sides = [1 / (1 + np.exp(-2 * (signal + random.normal(size=rows) * dim))) for dim in (0.3, 0.6)]
    before, after = (np.column_stack([1 - each, each]) for each in sides)
    return truth, before, after


def numbered(random: np.random.Generator, rows: int) -> tuple[NDArray[Any], Floats, Floats]:
    truth = random.normal(size=rows)
    hard = random.normal(size=rows)
    return truth, (truth + hard)[:, None], (truth + hard + 0.3 * random.normal(size=rows))[:, None]


CASES = [(Task.CLASSIFICATION, classified), (Task.REGRESSION, numbered)]


@pytest.mark.parametrize(("task", "draw"), CASES)
def test_the_figures_are_those_of_the_metrics(task: Task, draw: Any) -> None:
    truth, before, after = draw(np.random.default_rng(1), 500)
    found = paired(task, truth, before, after)
    assert len(found) > 1
    for each in found:
        assert each.before == pytest.approx(scores(task, truth, before)[each.metric])
        assert each.after == pytest.approx(scores(task, truth, after)[each.metric])
        assert each.low < each.difference < each.high


@pytest.mark.parametrize(("task", "draw"), CASES)
def test_intervals_hold_the_true_difference_about_19_times_of_20(task: Task, draw: Any) -> None:
    whole = {each.metric: each.difference for each in paired(task, *draw(np.random.default_rng(0), 400_000))}
    held = dict.fromkeys(whole, 0)
    tries = 400
    for seed in range(1, tries + 1):
        for each in paired(task, *draw(np.random.default_rng(seed), 200)):
            held[each.metric] += each.low <= whole[each.metric] <= each.high
    assert {name: many for name, many in held.items() if not 0.92 * tries <= many <= 0.985 * tries} == {}


def test_equal_answers_show_no_difference_and_an_interval_that_is_not_empty() -> None:
    truth, before, _ = classified(np.random.default_rng(1), 40)
    found = {each.metric: each for each in paired(Task.CLASSIFICATION, truth, before, before)}
    assert found["accuracy"].low < 0 < found["accuracy"].high
    assert {each.verdict for each in found.values()} == {"no difference shown"}
    assert paired(Task.CLASSIFICATION, truth[:9], before[:9], before[:9]) == ()


def test_the_verdict_knows_which_way_is_better() -> None:
    def verdict(metric: str, low: float, high: float) -> str:
        return Paired(metric=metric, rows=99, before=1, after=1, low=low, high=high).verdict

    assert verdict("mae", 0.1, 0.2) == verdict("accuracy", -0.2, -0.1) == "worse"
    assert verdict("mae", -0.2, -0.1) == verdict("accuracy", 0.1, 0.2) == "better"
    assert verdict("mae", -0.2, 0.1) == "no difference shown"

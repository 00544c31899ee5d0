from __future__ import annotations

import numpy as np
import pytest

from kervan.core.errors import InvalidConfig
from kervan.core.goals import METRICS as CONFIGURED
from kervan.core.goals import Goal
from kervan.model.metrics import METRICS, check_goal, default_metric, higher_is_better, metric, scores


def test_each_task_has_a_usual_metric() -> None:
    assert default_metric("classification") == "roc_auc"
    assert default_metric("regression") == "rmse"
    with pytest.raises(InvalidConfig, match="no task 'regresion'") as error:
        default_metric("regresion")
    assert error.value.hint == 'did you mean "regression"?'


def test_errors_are_better_when_lower() -> None:
    lower = ["log_loss", "rmse", "mae", "median_absolute_error"]
    assert [higher_is_better(name) for name in lower] == [False] * 4
    assert all(higher_is_better(name) for name in ("roc_auc", "accuracy", "f1", "average_precision", "r2"))


def test_a_metric_is_found_by_name_within_its_task() -> None:
    assert metric("mae", "regression").name == "mae"
    with pytest.raises(InvalidConfig, match="metric 'rmse' does not fit a classification"):
        metric("rmse", "classification")


def test_a_goal_knows_every_metric_and_no_other() -> None:
    assert set(CONFIGURED) == {*METRICS, "cost", "profit"}
    with pytest.raises(InvalidConfig, match="the metric 'rocauc' does not exist") as error:
        Goal("rocauc", at_least=0.9)
    assert "roc_auc" in error.value.hint


@pytest.mark.parametrize(
    ("goal", "task"),
    [
        (Goal(), "regression"),
        (Goal(metric="roc_auc", at_least=0.9), "classification"),
        (Goal(metric="roc_auc", at_least=1.0), "classification"),
        (Goal(metric="log_loss", at_most=0.3), "classification"),
        (Goal(metric="rmse", at_most=48_000.0), "regression"),
        (Goal(metric="r2", at_least=-1.0), "regression"),
        (Goal(metric="accuracy", at_least=0.8, at_most=0.99), "classification"),
    ],
)
def test_goals_that_fit(goal: Goal, task: str) -> None:
    assert check_goal(goal, task).name == (goal.metric or default_metric(task))


@pytest.mark.parametrize(
    ("goal", "task", "message", "hint"),
    [
        (Goal(metric="roc_auc", at_least=1.2), "classification", "at_least = 1.2 is out", "between 0 and 1"),
        (Goal(metric="f1", at_least=-0.1), "classification", "at_least = -0.1 is out", "between 0 and 1"),
        (Goal(metric="rmse", at_most=-1.0), "regression", "at_most = -1 is out", "between 0 and inf"),
        (Goal(metric="rmse", at_least=5.0), "regression", "less of it is better", "at_most = 5"),
        (Goal(metric="roc_auc", at_most=0.9), "classification", "more of it is better", "at_least = 0.9"),
        (Goal(metric="accuracy", at_least=0.9), "regression", "does not fit a regression", "known: "),
        (Goal(at_least=float("nan")), "classification", "at_least = nan is out of range", "between"),
    ],
)
def test_goals_that_cannot_be_meant_are_refused(goal: Goal, task: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidConfig, match=message) as error:
        check_goal(goal, task)
    assert hint in error.value.hint


@pytest.mark.parametrize(("value", "rows"), [(0.1 + 0.2, 7), (0.1, 60), (5.0, 7), (1e100, 9)])
def test_r2_of_a_constant_truth_is_left_out(value: float, rows: int) -> None:
    assert "r2" not in scores("regression", np.full(rows, value), np.full((rows, 1), 0.2))


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_ranks_nothing(label: int) -> None:
    values = np.column_stack([1 - np.linspace(0.1, 0.9, 20), np.linspace(0.1, 0.9, 20)])
    found = scores("classification", np.full(20, label), values)
    assert not {"roc_auc", "average_precision"} & found.keys()

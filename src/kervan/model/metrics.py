"""How good answers are: metrics by name, each defined once.

For two classes the last label of the signature is the positive one (`>50K` of `<=50K`, `>50K`); for more,
`roc_auc`, `average_precision` and `f1` are means over the classes that occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.model import losses, shares
from kervan.model.formulas import (
    Floats,
    Formula,
    absolute_error,
    average_precision,
    f1,
    hits,
    mean_over_classes,
    mean_over_rows,
    median_absolute_error,
    r2,
    rmse,
    roc_auc,
    surprise,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.core.config import Goal
    from kervan.core.schema import Signature
    from kervan.model.interval import Interval

    Estimate = Callable[[NDArray[Any], Floats, np.random.Generator], Interval | None]


class Task(StrEnum):
    """What a model is asked for."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its task, its direction and the values that it can take.

    `interval` finds where it lies with 95 % confidence; what it draws, it draws from the generator that it
    is given.
    """

    name: str
    task: Task
    formula: Formula
    interval: Estimate
    higher_is_better: bool = True
    lowest: float = 0.0
    highest: float = float("inf")


def task_of(signature: Signature) -> Task:
    """Return the task of a model with this signature."""
    return Task.CLASSIFICATION if signature.is_classification else Task.REGRESSION


def metrics_of(task: str) -> tuple[Metric, ...]:
    """Return the metrics of a task, the usual one first, or raise `InvalidConfig` for an unknown task."""
    if task not in set(Task):
        raise InvalidConfig(f"there is no task {task!r}", hint=did_you_mean(task, Task))
    return tuple(entry for entry in METRICS.values() if entry.task == task)


def metric(name: str, task: str) -> Metric:
    """Return a metric by name, or raise `InvalidConfig` if the task has none of that name."""
    fitting = [entry.name for entry in metrics_of(task)]
    if name in fitting:
        return METRICS[name]
    raise InvalidConfig(f"the metric {name!r} does not fit a {task}", hint=did_you_mean(name, fitting))


def default_metric(task: str) -> str:
    """Return the metric by which models are compared when nobody said one."""
    return metrics_of(task)[0].name


def higher_is_better(name: str) -> bool:
    """Say whether a larger value of the metric is a better one."""
    return METRICS[name].higher_is_better


def check_goal(goal: Goal, task: str) -> Metric:
    """Return the goal's metric (the default one if it names none).

    Raises `InvalidConfig` for a metric that does not fit the task, or a bound that no value can reach or
    that every value reaches.
    """
    chosen = metric(goal.metric or default_metric(task), task)
    for name, bound in (("at_least", goal.at_least), ("at_most", goal.at_most)):
        if bound is not None and not chosen.lowest <= bound <= chosen.highest:
            raise InvalidConfig(
                f"the goal's {name} = {bound:g} is out of range",
                hint=f"{chosen.name} lies between {chosen.lowest:g} and {chosen.highest:g}",
            )
    wrong, right = ("at_most", "at_least") if chosen.higher_is_better else ("at_least", "at_most")
    if getattr(goal, wrong) is not None and getattr(goal, right) is None:
        better = "more" if chosen.higher_is_better else "less"
        raise InvalidConfig(
            f"the goal asks for {chosen.name} {wrong} {getattr(goal, wrong):g}, but {better} of it is better",
            hint=f"write {right} = {getattr(goal, wrong):g}",
        )
    return chosen


def scores(task: str, truth: NDArray[Any], values: Floats) -> dict[str, float]:
    """Return every metric of the task that these rows can tell.

    `truth` has shape (rows,): codes of classes or numbers; `values` (rows, classes) probabilities or
    (rows, 1) numbers. `roc_auc` and `average_precision` are left out if only one class occurs,
    `r2` if all numbers are the same.
    """
    found = {entry.name: entry.formula(truth, values) for entry in metrics_of(task)}
    return {name: value for name, value in found.items() if not np.isnan(value)}


def intervals(
    task: str, truth: NDArray[Any], values: Floats, *, seed: int = 0, only: str = ""
) -> dict[str, Interval]:
    """Return the 95 % interval of every metric of the task, or of one, for which these rows tell one.

    The arguments are those of `scores`. There is none where all rows lose the same, for an error that has
    no greatest value. The same seed gives the same intervals.
    """
    known = scores(task, truth, values)
    found = {
        entry.name: entry.interval(truth, values, np.random.default_rng(seed))
        for entry in metrics_of(task)
        if entry.name in known and only in {"", entry.name}
    }
    return {name: interval for name, interval in found.items() if interval is not None}


def _without_chance(find: Callable[[NDArray[Any], Floats], Interval | None]) -> Estimate:
    """Make what draws nothing look like what does."""
    return lambda truth, values, _: find(truth, values)


_CLASSES, _NUMBERS = Task.CLASSIFICATION, Task.REGRESSION
METRICS = {
    entry.name: entry
    for entry in (
        Metric(
            name="roc_auc",
            task=_CLASSES,
            formula=mean_over_classes(roc_auc),
            interval=_without_chance(shares.of_roc_auc),
            highest=1.0,
        ),
        Metric(
            name="accuracy",
            task=_CLASSES,
            formula=mean_over_rows(hits),
            interval=_without_chance(shares.of_accuracy),
            highest=1.0,
        ),
        Metric(
            name="log_loss",
            task=_CLASSES,
            formula=mean_over_rows(surprise),
            interval=losses.of_log_loss,
            higher_is_better=False,
        ),
        Metric(name="f1", task=_CLASSES, formula=f1, interval=_without_chance(shares.of_f1), highest=1.0),
        Metric(
            name="average_precision",
            task=_CLASSES,
            formula=mean_over_classes(average_precision),
            interval=_without_chance(shares.of_average_precision),
            highest=1.0,
        ),
        Metric(name="rmse", task=_NUMBERS, formula=rmse, interval=losses.of_rmse, higher_is_better=False),
        Metric(
            name="mae",
            task=_NUMBERS,
            formula=mean_over_rows(absolute_error),
            interval=losses.of_mae,
            higher_is_better=False,
        ),
        Metric(
            name="r2",
            task=_NUMBERS,
            formula=r2,
            interval=losses.of_r2,
            lowest=float("-inf"),
            highest=1.0,
        ),
        Metric(
            name="median_absolute_error",
            task=_NUMBERS,
            formula=median_absolute_error,
            interval=_without_chance(losses.of_median),
            higher_is_better=False,
        ),
    )
}

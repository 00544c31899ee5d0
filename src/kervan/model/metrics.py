"""How good answers are: metrics by name, each defined once.

For two classes the last label of the signature is the positive one (`>50K` of `<=50K`, `>50K`); for more,
`roc_auc`, `average_precision` and `f1` are means over the classes that occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.naming import LIKELIEST, Naming
from kervan.model import losses, shares
from kervan.model.class_metrics import CLASS_METRICS, of_f1
from kervan.model.formulas import (
    Floats,
    absolute_error,
    average_precision,
    f1,
    hits,
    mean_over_classes,
    mean_over_rows,
    median_absolute_error,
    named,
    r2,
    rmse,
    roc_auc,
    surprise,
)
from kervan.model.metric import Metric, Task, without_chance
from kervan.model.number_metrics import NUMBER_METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.goals import Goal
    from kervan.core.schema import Signature
    from kervan.model.interval import Interval


def task_of(signature: Signature) -> Task:
    """Return the task of a model with this signature."""
    return Task.CLASSIFICATION if signature.is_classification else Task.REGRESSION


def metrics_of(task: str) -> tuple[Metric, ...]:
    """Return the metrics of a task, the usual one first, or raise `InvalidConfig` for an unknown task."""
    if task not in set(Task):
        raise InvalidConfig(f"there is no task {task!r}", hint=did_you_mean(task, Task))
    return tuple(entry for entry in METRICS.values() if entry.task == task)


def usual_metrics(task: str) -> tuple[Metric, ...]:
    """Return the metrics of a task that are always measured, the usual one first."""
    return tuple(entry for entry in metrics_of(task) if entry.name in _USUAL)


def metric(name: str, task: str, also: tuple[Metric, ...] = ()) -> Metric:
    """Return a metric by name, or raise `InvalidConfig` if the task has none of that name.

    `also` are those that depend on a project: costs, and functions of its own.
    """
    known = {entry.name: entry for entry in (*metrics_of(task), *also) if entry.task == task}
    if name in known:
        return known[name]
    if name in MONEY:
        raise InvalidConfig(
            f"the metric {name!r} needs to know what answers cost",
            hint="write `[model.costs]`, such as false_positive = 5, false_negative = 100",
        )
    raise InvalidConfig(f"the metric {name!r} does not fit a {task}", hint=did_you_mean(name, known))


def default_metric(task: str) -> str:
    """Return the metric by which models are compared when nobody said one."""
    return metrics_of(task)[0].name


def higher_is_better(name: str) -> bool:
    """Say whether a larger value of the metric is a better one."""
    if name in MONEY:
        return MONEY[name]
    return METRICS[name].higher_is_better if name in METRICS else not name.endswith(LESS)


def ends_at_one(name: str) -> bool:
    """Say whether no value of the metric is above 1."""
    return name in METRICS and METRICS[name].highest == 1.0


def tells_one_class(name: str) -> bool:
    """Say whether rows of one class alone tell a metric; functions of one's own are not doubted."""
    return name not in METRICS or METRICS[name].by_row


def check_goal(goal: Goal, task: str, also: tuple[Metric, ...] = ()) -> Metric:
    """Return the goal's metric (the default one if it names none); `also` are those of a project.

    Raises `InvalidConfig` for a metric that does not fit the task, or a bound that no value can reach or
    that every value reaches.
    """
    chosen = metric(goal.metric or default_metric(task), task, also)
    for name, bound in (("at_least", goal.at_least), ("at_most", goal.at_most)):
        if bound is not None and not chosen.lowest <= bound <= chosen.highest:
            raise InvalidConfig(
                f"the goal's {name} = {bound:g} is out of range",
                hint=f"{chosen.name} lies between {chosen.lowest:g} and {chosen.highest:g}",
            )
    if goal.at_least is not None and goal.at_most is not None and goal.at_least > goal.at_most:
        raise InvalidConfig(
            f"the goal asks for {chosen.name} at_least {goal.at_least:g} and at_most {goal.at_most:g}",
            hint="no value is both: leave one out",
        )
    wrong, right = ("at_most", "at_least") if chosen.higher_is_better else ("at_least", "at_most")
    if getattr(goal, wrong) is not None and getattr(goal, right) is None:
        better = "more" if chosen.higher_is_better else "less"
        raise InvalidConfig(
            f"the goal asks for {chosen.name} {wrong} {getattr(goal, wrong):g}, but {better} of it is better",
            hint=f"write {right} = {getattr(goal, wrong):g}",
        )
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What is measured beside the usual metrics, and by which rule a class is named."""

    metrics: tuple[Metric, ...] = ()
    naming: Naming = LIKELIEST

    def of(self, task: str) -> tuple[Metric, ...]:
        """Return the metrics that are measured for a task, each once."""
        usual = usual_metrics(task)
        return (*usual, *(entry for entry in self.metrics if entry not in usual))

    def metric(self, name: str, task: str) -> Metric:
        """Return a metric that is measured, by its name; raises `InvalidConfig` for another one."""
        return metric(name, task, self.metrics)

    def seen_by(self, entry: Metric, values: Floats) -> Floats:
        """Return answers as a metric looks at them: by label, 1 for the class that is named, 0 for others."""
        return named(values, self.naming) if entry.by_label else values


USUAL = Yardstick()


def scores(task: str, truth: NDArray[Any], values: Floats, by: Yardstick = USUAL) -> dict[str, float]:
    """Return every metric of the task that these rows can tell.

    `truth` has shape (rows,): codes of classes or numbers; `values` (rows, classes) probabilities or
    (rows, 1) numbers. `roc_auc` and `average_precision` are left out if only one class occurs,
    `r2` if all numbers are the same.
    """
    with np.errstate(all="ignore"):  # what comes of it is no number, and left out
        found = {entry.name: entry.formula(truth, by.seen_by(entry, values)) for entry in by.of(task)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def intervals(
    task: str, truth: NDArray[Any], values: Floats, by: Yardstick = USUAL, *, seed: int = 0, only: str = ""
) -> dict[str, Interval]:
    """Return the 95 % interval of every metric of the task, or of one, for which these rows tell one.

    The arguments are those of `scores`. There is none where all rows lose the same, for an error that has
    no greatest value. The same seed gives the same intervals.
    """
    known = scores(task, truth, values, by)
    found = {
        entry.name: entry.interval(truth, by.seen_by(entry, values), np.random.default_rng(seed))
        for entry in by.of(task)
        if entry.name in known and only in {"", entry.name}
    }
    return {
        name: each
        for name, each in found.items()
        if each is not None and np.isfinite([each.low, each.high]).all()
    }


_CLASSES, _NUMBERS = Task.CLASSIFICATION, Task.REGRESSION
_USUAL_METRICS = (
    Metric(
        name="roc_auc",
        task=_CLASSES,
        formula=mean_over_classes(roc_auc),
        interval=without_chance(shares.of_roc_auc),
        highest=1.0,
    ),
    Metric(
        name="accuracy",
        task=_CLASSES,
        formula=mean_over_rows(hits),
        interval=without_chance(shares.of_accuracy),
        by_label=True,
        by_row=True,
        highest=1.0,
    ),
    Metric(
        name="log_loss",
        task=_CLASSES,
        formula=mean_over_rows(surprise),
        interval=losses.of_log_loss,
        higher_is_better=False,
        by_row=True,
    ),
    Metric(
        name="f1",
        task=_CLASSES,
        formula=f1,
        interval=of_f1,
        by_label=True,
        highest=1.0,
    ),
    Metric(
        name="average_precision",
        task=_CLASSES,
        formula=mean_over_classes(average_precision),
        interval=without_chance(shares.of_average_precision),
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
        interval=without_chance(losses.of_median),
        higher_is_better=False,
    ),
)
_USUAL = {entry.name for entry in _USUAL_METRICS}
METRICS = {entry.name: entry for entry in (*_USUAL_METRICS, *CLASS_METRICS, *NUMBER_METRICS)}
# What costs make of answers, whatever the task; whether more of it is better.
MONEY = {"cost": False, "profit": True}
LESS = " (less is better)"  # what the name of a function of one's own ends in

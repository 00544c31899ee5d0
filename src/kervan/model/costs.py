"""What answers cost or bring, as metrics: means per row in the user's currency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import Floats, mean_over_rows
from kervan.model.interval import Interval
from kervan.model.losses import signed_interval
from kervan.model.metric import Metric, Task, without_chance
from kervan.model.shares import corrected
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.core.goals import Costs
    from kervan.core.schema import Signature

    Row = Callable[[NDArray[Any], Floats], Floats]


def cost_metrics(costs: Costs, signature: Signature) -> tuple[Metric, Metric]:
    """Return `cost` and `profit` per row. Raises `InvalidConfig` for costs that do not fit the signature."""
    if signature.is_classification:
        table = np.array(costs.of_classes(signature.output.allowed))
        cost = _of_classes(table)
    else:
        high, low = costs.of_numbers()
        cost = _of_numbers(high, low)
    return cost, _profit(cost)


def fair_threshold(costs: Costs, classes: tuple[str, ...]) -> float:
    """Return from which probability on naming the last of two classes costs less on average.

    C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001. It is right where probabilities are.
    """
    (true_negative, false_positive), (false_negative, true_positive) = costs.of_classes(classes)
    alarm, silence = false_positive - true_negative, false_negative - true_positive
    if alarm + silence <= 0:
        return 0.5
    return min(1.0, max(0.0, alarm / (alarm + silence)))


def _of_distance(truth: NDArray[Any], values: Floats, high: float, low: float) -> Floats:
    over = values[:, 0] - truth
    found: Floats = np.where(over > 0, high * over, -low * over)
    return found


def _of_numbers(high: float, low: float) -> Metric:
    def row(truth: NDArray[Any], values: Floats) -> Floats:
        return _of_distance(truth, values, high, low)

    return Metric(
        name="cost",
        task=Task.REGRESSION,
        formula=mean_over_rows(row),
        interval=lambda truth, values, random: signed_interval(row(truth, values), random),
        higher_is_better=False,
    )


def _of_classes(table: Floats) -> Metric:
    """Return the metric; its interval is that of a share of the most that a row costs beyond the least."""
    best, worst = float(table.min()), float(table.max())

    def row(truth: NDArray[Any], values: Floats) -> Floats:
        found: Floats = table[truth, chosen(values)]
        return found

    def interval(truth: NDArray[Any], values: Floats) -> Interval | None:
        if best == worst:
            return None
        shares, rows = (row(truth, values) - best) / (worst - best), len(truth)
        found = corrected(
            float(shares.mean()), lambda true: true * (1 - true) / rows, float(shares.var() / rows), rows
        )
        return Interval(low=best + (worst - best) * found.low, high=best + (worst - best) * found.high)

    return Metric(
        name="cost",
        task=Task.CLASSIFICATION,
        formula=mean_over_rows(row),
        interval=without_chance(interval),
        higher_is_better=False,
        by_label=True,
        lowest=best,
        highest=worst,
    )


def _profit(cost: Metric) -> Metric:
    def interval(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
        found = cost.interval(truth, values, random)
        return found and Interval(low=-found.high, high=-found.low)

    return replace(
        cost,
        name="profit",
        formula=lambda truth, values: -cost.formula(truth, values),
        interval=interval,
        higher_is_better=True,
        lowest=-cost.highest,
        highest=-cost.lowest,
    )

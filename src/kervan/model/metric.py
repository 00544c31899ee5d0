"""What a metric is: a formula, its direction, the values that it can take, and how its interval is found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kervan.model.formulas import Floats, Formula

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

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
    is given. One that is `by_label` looks at the classes that were named, and at no probability. Of fewer
    rows than `sure_from` the interval holds the true value less often than in 95 of 100 samples. What is
    `by_row` is the same question to every row, so that rows of one class alone tell it too. `needs` says in
    words which values of the target it has an answer for, "" for all.
    """

    name: str
    task: Task
    formula: Formula
    interval: Estimate
    higher_is_better: bool = True
    by_label: bool = False
    by_row: bool = False
    sure_from: int = 0
    needs: str = ""
    lowest: float = 0.0
    highest: float = float("inf")


def without_chance(find: Callable[[NDArray[Any], Floats], Interval | None]) -> Estimate:
    """Make what draws nothing look like what does."""
    return lambda truth, values, _: find(truth, values)

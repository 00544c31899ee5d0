"""The formulas of the metrics.

A formula takes `truth` of shape (rows,), codes or numbers, and `values` of shape (rows, classes) or
(rows, 1), and returns the metric's value, or NaN where it is undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kervan.core.naming import Naming
from kervan.package.answers import chosen

Floats: TypeAlias = NDArray[np.float64]
Formula: TypeAlias = Callable[[NDArray[Any], Floats], float]
# Of the rows of one class against the others: its figure, and how far each row pulls it from its mean, times
# the number of rows. What rows pull gives the figure's variance.
Pulled: TypeAlias = Callable[[NDArray[np.bool_], Floats], tuple[float, Floats]]


def mean_over_classes(figure: Pulled) -> Formula:
    """Make a figure of one class against the rest a metric of all: the positive one, or the mean."""

    def formula(truth: NDArray[Any], values: Floats) -> float:
        found = [each for each, *_ in each_class(truth, values, figure)]
        return float(np.mean(found)) if found else np.nan

    return formula


def each_class(truth: NDArray[Any], values: Floats, figure: Pulled) -> Iterator[tuple[float, Floats, int]]:
    """Yield the figure of each class that occurs and others beside it, what pulls at it, and its rows."""
    for place in compared(values):
        positive = truth == place
        if 0 < (ups := int(positive.sum())) < len(truth):
            yield *figure(positive, values[:, place]), ups


def compared(values: Floats) -> range:
    """Return the classes that are compared with the rest: the positive one of two, or all."""
    return range(1, 2) if values.shape[1] == 2 else range(values.shape[1])


def roc_auc(positive: NDArray[np.bool_], values: Floats) -> tuple[float, Floats]:
    """Return the chance that a positive row has a higher value than a negative one; ties count half."""
    ups, downs = values[positive], values[~positive]
    above = _under(np.sort(downs), ups)
    below = 1 - _under(np.sort(ups), downs)
    area = float(above.mean())
    pull = np.empty(len(values))
    pull[positive] = (above - area) * len(values) / len(ups) * _unbiased(len(ups))
    pull[~positive] = (below - area) * len(values) / len(downs) * _unbiased(len(downs))
    return area, pull


def _under(ordered: Floats, values: Floats) -> Floats:
    """Return which share of the ordered values each value is above; equal ones count half."""
    both = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    under: Floats = both / (2 * len(ordered))
    return under


def _unbiased(count: int) -> float:
    return float(np.sqrt(count / max(1, count - 1)))


def average_precision(positive: NDArray[np.bool_], values: Floats) -> tuple[float, Floats]:
    """Return the precision at each threshold, weighted by the recall that it adds.

    Rows of one value share their threshold.
    """
    order = np.argsort(-values, kind="stable")
    ordered, sign = values[order], positive[order].astype(np.float64)
    last = np.searchsorted(-ordered, -ordered, "right")  # so many rows are at or above this row's value
    precision = sign.cumsum()[last - 1] / last
    average = float(sign @ precision / sign.sum())
    first = np.searchsorted(-ordered, -ordered, "left")
    after_sign, after_both = _from(sign / last), _from(sign * precision / last)
    pull = np.empty(len(values))
    pull[order] = sign * precision + sign * after_sign[first] - after_both[first] - sign * average
    return average, pull * len(values) / sign.sum()


def _from(values: Floats) -> Floats:
    """Return the sum of the values from each place on."""
    summed: Floats = values[::-1].cumsum()[::-1]
    return summed


def f1(truth: NDArray[Any], values: Floats) -> float:
    """Return the harmonic mean of precision and recall, 0 where neither is there."""
    answered = chosen(values)
    classes = compared(values)
    found = []
    for place in classes:
        both = np.count_nonzero((answered == place) & (truth == place))
        either = np.count_nonzero(answered == place) + np.count_nonzero(truth == place)
        if either or len(classes) == 1:
            found.append(2 * both / either if either else 0.0)
    return float(np.mean(found))


def mean_over_rows(loss: Callable[[NDArray[Any], Floats], Floats]) -> Formula:
    """Make a metric of the mean of something that each row has."""
    return lambda truth, values: float(loss(truth, values).mean())


def named(values: Floats, naming: Naming) -> Floats:
    """Return 1 for the class that each row of probabilities names, 0 for the others."""
    found: Floats = np.eye(values.shape[1])[chosen(values, naming)]
    return found


def hits(truth: NDArray[Any], values: Floats) -> Floats:
    """Return 1 for every row whose class is right, else 0."""
    right: Floats = (chosen(values) == truth).astype(np.float64)
    return right


def surprise(truth: NDArray[Any], values: Floats) -> Floats:
    """Return the negative logarithm of the probability that each row's true class was given."""
    given = values[np.arange(len(truth)), truth] / values.sum(axis=1)
    least = np.finfo(np.float32).eps  # answers come as float32: surer than this nobody can be
    nats: Floats = -np.log(np.clip(given, least, 1.0))
    return nats


def absolute_error(truth: NDArray[Any], values: Floats) -> Floats:
    """Return how far each answer is from the truth."""
    missed: Floats = np.abs(values[:, 0] - truth)
    return missed


def squared_error(truth: NDArray[Any], values: Floats) -> Floats:
    """Return the square of how far each answer is from the truth, infinite where no float holds it."""
    with np.errstate(over="ignore"):
        return np.square(absolute_error(truth, values))


def rmse(truth: NDArray[Any], values: Floats) -> float:
    """Return the square root of the mean squared error."""
    return float(np.sqrt(squared_error(truth, values).mean()))


def r2(truth: NDArray[Any], values: Floats) -> float:
    """Return the share of the truth's variance that the answers explain."""
    if truth.min() == truth.max():  # the mean of equal numbers may be rounded off them
        return np.nan
    with np.errstate(over="ignore"):
        spread = float(np.square(truth - truth.mean()).sum())
    return float(1 - squared_error(truth, values).sum() / spread) if spread else np.nan


def median_absolute_error(truth: NDArray[Any], values: Floats) -> float:
    """Return the median of the absolute errors."""
    return float(np.median(absolute_error(truth, values)))

"""The formulas of the metrics, each split into what depends on the answers and what depends on the weights.

A formula takes `truth` of shape (rows,), codes or numbers, and `values` of shape (rows, classes) or
(rows, 1), and returns a function from row weights to the metric's value, or to NaN where it is undefined.
So the bootstrap sorts the rows once and not for every resample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Scorer: TypeAlias = Callable[[Floats], float]
Formula: TypeAlias = Callable[[NDArray[Any], Floats], Scorer]


def mean_over_classes(one: Callable[[NDArray[np.bool_], Floats], Scorer]) -> Formula:
    """Make a metric of one class against the rest a metric of all: the positive one, or the mean."""

    def prepare(truth: NDArray[Any], values: Floats) -> Scorer:
        classes = [1] if values.shape[1] == 2 else range(values.shape[1])
        each = [one(truth == place, values[:, place]) for place in classes]

        def score(weights: Floats) -> float:
            found = [value for value in (scorer(weights) for scorer in each) if not np.isnan(value)]
            return float(np.mean(found)) if found else np.nan

        return score

    return prepare


def roc_auc(positive: NDArray[np.bool_], values: Floats) -> Scorer:
    """Return the chance that a positive row has a higher value than a negative one; ties count half."""
    order, starts = _groups(values)
    sign = positive[order]

    def score(weights: Floats) -> float:
        weight = weights[order]
        ups = np.add.reduceat(weight * sign, starts)
        downs = np.add.reduceat(weight * ~sign, starts)
        pairs = ups.sum() * downs.sum()
        return float(ups @ (downs.cumsum() - downs / 2) / pairs) if pairs else np.nan

    return score


def average_precision(positive: NDArray[np.bool_], values: Floats) -> Scorer:
    """Return the precision at each threshold, weighted by the recall that it adds."""
    order, starts = _groups(-values)
    sign = positive[order]

    def score(weights: Floats) -> float:
        weight = weights[order]
        ups = np.add.reduceat(weight * sign, starts)
        alls = np.add.reduceat(weight, starts).cumsum()
        precision = ups.cumsum() / np.maximum(alls, np.finfo(float).tiny)
        is_told = 0 < ups.sum() < alls[-1]  # with one class alone every ranking is right
        return float(ups @ precision / ups.sum()) if is_told else np.nan

    return score


def _groups(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order that sorts the values, and where in it each new value starts."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return order, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def f1(truth: NDArray[Any], values: Floats) -> Scorer:
    """Return the harmonic mean of precision and recall, 0 where neither is there."""
    chosen = values.argmax(axis=1)
    classes = [1] if values.shape[1] == 2 else range(values.shape[1])

    def score(weights: Floats) -> float:
        found = []
        for place in classes:
            both = weights[(chosen == place) & (truth == place)].sum()
            either = weights[chosen == place].sum() + weights[truth == place].sum()
            if either or len(classes) == 1:
                found.append(2 * both / either if either else 0.0)
        return float(np.mean(found))

    return score


def mean_over_rows(loss: Callable[[NDArray[Any], Floats], Floats]) -> Formula:
    """Make a metric of the weighted mean of something that each row has."""

    def prepare(truth: NDArray[Any], values: Floats) -> Scorer:
        each = loss(truth, values)
        return lambda weights: float(weights @ each / weights.sum())

    return prepare


def hits(truth: NDArray[Any], values: Floats) -> Floats:
    """Return 1 for every row whose most probable class is right, else 0."""
    right: Floats = (values.argmax(axis=1) == truth).astype(np.float64)
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


def rmse(truth: NDArray[Any], values: Floats) -> Scorer:
    """Return the square root of the mean squared error."""
    squares = squared_error(truth, values)
    return lambda weights: float(np.sqrt(weights @ squares / weights.sum()))


def r2(truth: NDArray[Any], values: Floats) -> Scorer:
    """Return the share of the truth's variance that the answers explain."""
    squares = squared_error(truth, values)

    def score(weights: Floats) -> float:
        drawn = truth[weights > 0]
        if not len(drawn) or drawn.min() == drawn.max():  # the mean of equal numbers may be rounded off them
            return np.nan
        spread = weights @ (truth - weights @ truth / weights.sum()) ** 2
        return float(1 - weights @ squares / spread) if spread else np.nan

    return score


def median_absolute_error(truth: NDArray[Any], values: Floats) -> Scorer:
    """Return the median of the absolute errors."""
    misses = absolute_error(truth, values)
    order = np.argsort(misses)
    ordered = misses[order]

    def score(weights: Floats) -> float:
        reached = weights[order].cumsum()
        low = np.searchsorted(reached, reached[-1] / 2, side="left")
        high = np.searchsorted(reached, reached[-1] / 2, side="right")
        return float((ordered[low] + ordered[min(high, len(ordered) - 1)]) / 2)

    return score

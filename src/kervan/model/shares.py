"""Intervals of metrics between 0 and 1, found by asking which true values the rows do not contradict.

A true value θ is inside where it lies within 1.96 standard errors of the metric, the error being the one
that θ itself would have (E. B. Wilson, Probable inference, the law of succession, and statistical
inference, Journal of the American Statistical Association 22, 1927). So a metric of 1 does not get an
interval of width zero, as resampling the rows that gave it would.

The error follows a formula for the metric, and is corrected by what the rows themselves show. A larger
error is believed, a smaller one as far as there are rows that speak for it: where hardly any answer was
wrong, the rows say little about how much wrong answers vary.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import average_precision, each_class, roc_auc
from kervan.model.interval import LEVEL, Interval
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.formulas import Floats

    Variance = Callable[[float], float]

_REACH = NormalDist().inv_cdf((1 + LEVEL) / 2)
_DOUBTFUL = 10.0  # so many telling rows outweigh the formula by half
_EDGE = 1e-12


def wilson(share: float, rows: float) -> Interval:
    """Return the interval of a share of independent rows.

    >>> found = wilson(1.0, 60)
    >>> round(found.low, 3), found.high
    (0.94, 1.0)
    """
    return between(share, lambda true: true * (1 - true) / rows)


def between(value: float, variance: Variance) -> Interval:
    """Return the values that are within 1.96 of their own standard errors of `value`, 0 to 1."""
    from scipy.optimize import brentq

    def beyond(true: float) -> float:
        return abs(value - true) - _REACH * float(np.sqrt(variance(true)))

    inside = min(max(value, _EDGE), 1 - _EDGE)
    low = brentq(beyond, 0.0, inside, xtol=_EDGE) if value > _EDGE else 0.0
    high = brentq(beyond, inside, 1.0, xtol=_EDGE) if value < 1 - _EDGE else 1.0
    return Interval(low=float(min(low, value)), high=float(max(high, value)))


def corrected(value: float, formula: Variance, seen: float, telling: float) -> Interval:
    """Return the interval by a formula for the variance, corrected by the variance `seen` in the rows.

    `telling` is about the number of rows that say something about it: those of the rarer side, as far as
    the answers for them differ.
    """
    expected = formula(value)
    if not (0 < value < 1 and seen > 0 and expected > 0):
        return between(value, formula)
    ratio = seen / expected
    if ratio < 1:
        weight = telling * 4 * value * (1 - value)
        ratio **= weight / (weight + _DOUBTFUL)
    return between(value, lambda true: ratio * formula(true))


def of_accuracy(truth: NDArray[Any], values: Floats) -> Interval:
    """Return the interval of the share of right answers."""
    return wilson(float((chosen(values) == truth).mean()), len(truth))


def of_roc_auc(truth: NDArray[Any], values: Floats) -> Interval | None:
    """Return the interval of the area under the ROC curve, or of its mean over the classes that occur.

    The formula is method 5 of R. G. Newcombe, Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic, part 2, Statistics in Medicine 25 (2006); the variance in the rows that of
    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44 (1988).
    """
    told = list(each_class(truth, values, roc_auc))
    if not told:
        return None
    areas, pulls, ups = zip(*told, strict=True)
    rows = len(truth)
    seen = float(np.square(np.mean(pulls, axis=0)).sum()) / rows**2
    telling = float(np.mean([min(up, rows - up) for up in ups]))
    return corrected(float(np.mean(areas)), _of_all([_newcombe(up, rows - up) for up in ups]), seen, telling)


def of_average_precision(truth: NDArray[Any], values: Floats) -> Interval | None:
    """Return the interval of the average precision, or of its mean over the classes that occur.

    The formula is the binomial of the positive rows (K. Boyd, K. H. Eng and C. D. Page, Area under the
    precision-recall curve: point estimates and confidence intervals, ECML PKDD 2013).
    """
    told = list(each_class(truth, values, average_precision))
    if not told:
        return None
    averages, pulls, ups = zip(*told, strict=True)
    rows = len(truth)
    seen = float(np.square(np.mean(pulls, axis=0)).sum()) / (rows * (rows - 1))
    return corrected(float(np.mean(averages)), _of_all([*map(_binomial, ups)]), seen, float(np.mean(ups)))


def of_f1(truth: NDArray[Any], values: Floats) -> Interval | None:
    """Return the interval of F1 of two classes, by the share TP / (TP + FP + FN) that it follows."""
    answered = chosen(values)
    involved = (answered == 1) | (truth == 1)
    if not involved.any():
        return None
    share = wilson(float((answered == truth)[involved].mean()), int(involved.sum()))
    return Interval(low=2 * share.low / (1 + share.low), high=2 * share.high / (1 + share.high))


def _binomial(rows: int) -> Variance:
    return lambda true: true * (1 - true) / rows


def _newcombe(ups: int, downs: int) -> Variance:
    about = (ups + downs) / 2 - 1
    return lambda true: (
        true * (1 - true) * (1 + about * (1 - true) / (2 - true) + about * true / (1 + true)) / (ups * downs)
    )


def _of_all(formulas: list[Variance]) -> Variance:
    """Return the variance of a mean of figures that move together as far as they can."""
    return lambda true: float(np.mean([np.sqrt(formula(true)) for formula in formulas])) ** 2

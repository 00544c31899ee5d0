"""Metrics of classes beside the usual ones, called as in scikit-learn where it has them.

For two classes `precision`, `recall`, `specificity`, `f05`, `f2` and `jaccard` are those of the last class,
for more their mean over the classes that occur; `_macro` is always that mean, `_weighted` weighs it by rows.
What divides by nothing counts 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model import shares
from kervan.model.counted import Counts, Figure, OfClass, by_counts, of_rows
from kervan.model.formulas import Floats, hits, mean_over_rows, surprise
from kervan.model.losses import mean_interval, spared_interval
from kervan.model.metric import Metric, Task, without_chance
from kervan.model.shares import wilson
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.interval import Interval
    from kervan.model.metric import Estimate

_BINS = 10


def _ratio(above: Any, below: Any) -> Floats:
    above, below = np.broadcast_arrays(np.float64(above), np.float64(below))
    found: Floats = np.divide(above, below, out=np.zeros(above.shape), where=below != 0)
    return found


def _precision(counts: Counts) -> Floats:
    both, named, _, _ = counts
    return _ratio(both, named)


def _recall(counts: Counts) -> Floats:
    both, _, true, _ = counts
    return _ratio(both, true)


def _specificity(counts: Counts) -> Floats:
    both, named, true, rows = counts
    return _ratio(rows - named - true + both, rows - true)


def _jaccard(counts: Counts) -> Floats:
    both, named, true, _ = counts
    return _ratio(both, named + true - both)


def _f(beta: float) -> OfClass:
    def score(counts: Counts) -> Floats:
        both, named, true, _ = counts
        return _ratio((1 + beta**2) * both, beta**2 * true + named)

    return score


def _positive(figure: OfClass) -> Figure:
    """Make a figure of each class that of the last of two, or the mean over those that occur."""
    return lambda counts: float(_last_or_all(figure)(counts).mean())


def _macro(figure: OfClass) -> Figure:
    return lambda counts: float(figure(counts)[_occurs(counts)].mean())


def _weighted(figure: OfClass) -> Figure:
    return lambda counts: float(figure(counts) @ counts[2] / counts[3])


def _last_or_all(figure: OfClass) -> OfClass:
    return lambda counts: figure(counts)[1:] if len(counts[0]) == 2 else figure(counts)[_occurs(counts)]


def _occurs(counts: Counts) -> NDArray[np.bool_]:
    occurs: NDArray[np.bool_] = counts[1] + counts[2] > 0
    return occurs


def _balanced(counts: Counts) -> float:
    return float(_recall(counts)[counts[2] > 0].mean())


def _matthews(counts: Counts) -> float:
    both, named, true, rows = counts
    spread = np.sqrt(rows**2 - named @ named) * np.sqrt(rows**2 - true @ true)
    return float(_ratio(both.sum() * rows - named @ true, spread))


def _kappa(counts: Counts) -> float:
    both, named, true, rows = counts
    by_chance = float(named @ true) / rows**2
    return float(_ratio(both.sum() / rows - by_chance, 1 - by_chance))


def _squares(truth: NDArray[Any], values: Floats) -> Floats:
    """Return of each row the squared distance from the truth: of the positive class, or over all of them."""
    if values.shape[1] == 2:
        found: Floats = np.square(values[:, 1] - truth)
        return found
    wrong: Floats = np.square(values - np.eye(values.shape[1])[truth]).sum(axis=1)
    return wrong


def calibration_error(truth: NDArray[Any], values: Floats) -> float:
    """Return how far the surest probability is from how often it is right, over tenths of it, by their rows.

    M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian
    binning, AAAI 2015.
    """
    sure = values.max(axis=1)
    right = (values.argmax(axis=1) == truth).astype(np.float64)
    places = np.clip((sure * _BINS).astype(np.int64), 0, _BINS - 1)
    apart = np.bincount(places, weights=right - sure, minlength=_BINS)
    return float(np.abs(apart).sum() / len(truth))


def _alone(truth: NDArray[Any]) -> Floats:
    """Return how much each row's class surprises one who knows the classes' shares and nothing else."""
    found: Floats = -np.log(np.bincount(truth)[truth] / len(truth))
    return found


def _d2_log_loss(truth: NDArray[Any], values: Floats) -> float:
    known = float(_alone(truth).mean())
    return 1 - float(surprise(truth, values).mean()) / known if known else np.nan


def _of_d2_log_loss(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    return spared_interval(surprise(truth, values), _alone(truth), random)


def _top(count: int) -> Callable[[NDArray[Any], Floats], Floats]:
    def found(truth: NDArray[Any], values: Floats) -> Floats:
        given = values[np.arange(len(truth)), truth]
        before = (values > given[:, None]).sum(axis=1)
        before += ((values == given[:, None]) & (np.arange(values.shape[1]) < truth[:, None])).sum(axis=1)
        inside: Floats = (before < count).astype(np.float64)
        return inside

    return found


def _of_share(row: Callable[[NDArray[Any], Floats], Floats]) -> Estimate:
    return without_chance(lambda truth, values: wilson(float(row(truth, values).mean()), len(truth)))


def _of_losses(row: Callable[[NDArray[Any], Floats], Floats]) -> Estimate:
    def interval(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
        return mean_interval(row(truth, values), random)

    return interval


def _of_two_or_more(two: Callable[[NDArray[Any], Floats], Interval | None], more: Estimate) -> Estimate:
    """Find the interval by one way for two classes, by another one for more."""

    def interval(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
        return two(truth, values) if values.shape[1] == 2 else more(truth, values, random)

    return interval


def _of_share_among(among: Callable[[Any, Any], NDArray[np.bool_]]) -> Callable[..., Interval | None]:
    def interval(truth: NDArray[Any], values: Floats) -> Interval | None:
        answered = chosen(values)
        inside = among(truth, answered)
        if not inside.any():
            return None
        return wilson(float((answered == truth)[inside].mean()), int(inside.sum()))

    return interval


def _by_label(name: str, figure: Figure, interval: Estimate, lowest: float = 0.0) -> Metric:
    return Metric(
        name=name,
        task=Task.CLASSIFICATION,
        formula=of_rows(figure),
        interval=interval,
        by_label=True,
        lowest=lowest,
        highest=1.0,
    )


def _counted(name: str, figure: Figure, telling: OfClass, lowest: float = 0.0) -> Metric:
    return _by_label(name, figure, by_counts(figure, telling, lowest), lowest)


def _share_of(
    name: str, figure: OfClass, telling: OfClass, among: Callable[[Any, Any], NDArray[np.bool_]]
) -> Metric:
    positive = _positive(figure)
    interval = _of_two_or_more(_of_share_among(among), by_counts(positive, telling, 0.0))
    return _by_label(name, positive, interval)


def _top_of(count: int) -> Metric:
    row = _top(count)
    return Metric(
        name=f"top_{count}_accuracy",
        task=Task.CLASSIFICATION,
        formula=mean_over_rows(row),
        interval=_of_share(row),
        by_row=True,
        highest=1.0,
    )


def _named(counts: Counts) -> Floats:
    return counts[1]


def _true(counts: Counts) -> Floats:
    return counts[2]


def _others(counts: Counts) -> Floats:
    return counts[3] - counts[2]


def _all(counts: Counts) -> Floats:
    return np.array([counts[3]])


def _named_or_true(counts: Counts) -> Floats:
    both, named, true, _ = counts
    return named + true - both


def _weighed(beta: float) -> OfClass:
    """Return the rows named so and the rows that are so as F weighs them: what it is the share of."""
    return lambda counts: (beta**2 * counts[2] + counts[1]) / (1 + beta**2)


of_f1 = _of_two_or_more(shares.of_f1, by_counts(_macro(_f(1.0)), _weighed(1.0), 0.0))
CLASS_METRICS = (
    _counted("balanced_accuracy", _balanced, _true),
    _share_of("precision", _precision, _named, lambda _, answered: answered == 1),
    _share_of("recall", _recall, _true, lambda truth, _: truth == 1),
    _share_of("specificity", _specificity, _others, lambda truth, _: truth == 0),
    *(
        _counted(name, _positive(_f(beta)), _last_or_all(_weighed(beta)))
        for name, beta in (("f05", 0.5), ("f2", 2.0))
    ),
    _counted("jaccard", _positive(_jaccard), _last_or_all(_named_or_true)),
    _counted("f1_macro", _macro(_f(1.0)), _weighed(1.0)),
    _counted("f1_weighted", _weighted(_f(1.0)), _all),
    _counted("precision_macro", _macro(_precision), _named),
    _counted("precision_weighted", _weighted(_precision), _all),
    _counted("recall_macro", _macro(_recall), _true),
    _by_label("recall_weighted", _weighted(_recall), _of_share(hits)),
    _counted("matthews_corrcoef", _matthews, _true, lowest=-1.0),
    _counted("cohen_kappa", _kappa, _true, lowest=-1.0),
    Metric(
        name="brier",
        task=Task.CLASSIFICATION,
        formula=mean_over_rows(_squares),
        interval=_of_losses(_squares),
        higher_is_better=False,
        by_row=True,
        highest=2.0,
    ),
    Metric(
        name="calibration_error",
        task=Task.CLASSIFICATION,
        formula=calibration_error,
        interval=lambda *_: None,  # few rows overstate it, so that resampling them never holds the true one
        higher_is_better=False,
        by_row=True,
        highest=1.0,
    ),
    Metric(
        name="d2_log_loss",
        task=Task.CLASSIFICATION,
        formula=_d2_log_loss,
        interval=_of_d2_log_loss,
        lowest=float("-inf"),
        highest=1.0,
    ),
    *map(_top_of, (2, 3, 5)),
)

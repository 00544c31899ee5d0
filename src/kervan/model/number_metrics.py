"""Metrics of numbers beside the usual ones, called as in scikit-learn where it has them.

Shares are shares: 0.1 is 10 %. A metric that the rows cannot tell, such as a share of 0, has no value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import Floats, Formula, absolute_error, mean_over_rows
from kervan.model.interval import Interval
from kervan.model.losses import mean_interval, share_interval, signed_interval, spared_interval
from kervan.model.metric import Metric, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.metric import Estimate

    Row = Callable[[NDArray[Any], Floats], Floats]


def _share_missed(truth: NDArray[Any], values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        missed: Floats = absolute_error(truth, values) / np.abs(truth)
    return missed if (np.asarray(truth) != 0).all() else np.full(len(truth), np.nan)


def _symmetric(truth: NDArray[Any], values: Floats) -> Floats:
    both = np.abs(truth) + np.abs(values[:, 0])
    found: Floats = np.divide(
        2 * absolute_error(truth, values), both, out=np.zeros(len(truth)), where=both != 0
    )
    return found


def _weighted_missed(truth: NDArray[Any], values: Floats) -> float:
    whole = float(np.abs(truth).sum())
    return float(absolute_error(truth, values).sum()) / whole if whole else np.nan


def _log_squares(truth: NDArray[Any], values: Floats) -> Floats:
    if min(truth.min(), values.min()) <= -1:
        return np.full(len(truth), np.nan)
    found: Floats = np.square(np.log1p(values[:, 0]) - np.log1p(truth))
    return found


def _root_log(truth: NDArray[Any], values: Floats) -> float:
    return float(np.sqrt(_log_squares(truth, values).mean()))


def _of_root_log(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    found = mean_interval(_log_squares(truth, values), random)
    return found and Interval(low=found.low**0.5, high=found.high**0.5, heaviest=found.heaviest)


def _of_weighted(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    return share_interval(absolute_error(truth, values), np.abs(truth), random)


def _max_error(truth: NDArray[Any], values: Floats) -> float:
    return float(absolute_error(truth, values).max())


def _bias(truth: NDArray[Any], values: Floats) -> float:
    return float(abs((values[:, 0] - truth).mean()))


def _of_bias(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    found = signed_interval(values[:, 0] - truth, random)
    if found is None:
        return None
    near, far = sorted((abs(found.low), abs(found.high)))
    return Interval(low=0.0 if found.low < 0 < found.high else near, high=far)


def _explained(truth: NDArray[Any], values: Floats) -> float:
    spread = float(np.var(truth))
    return 1 - float(np.var(truth - values[:, 0])) / spread if spread else np.nan


def _of_explained(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
    errors = truth - values[:, 0]
    return spared_interval(np.square(errors - errors.mean()), np.square(truth - truth.mean()), random)


def pinball(level: float) -> Row:
    """Return each row's loss for the quantile at a level (Koenker and Bassett, Econometrica 46, 1978)."""

    def loss(truth: NDArray[Any], values: Floats) -> Floats:
        short = truth - values[:, 0]
        found: Floats = np.maximum(level * short, (level - 1) * short)
        return found

    return loss


def _d2(level: float) -> tuple[Formula, Estimate]:
    """Return the share of a constant's loss that the answers have not, and how its interval is found."""

    def alone(truth: NDArray[Any]) -> Floats:
        return pinball(level)(truth, np.full((len(truth), 1), np.quantile(truth, level)))

    def formula(truth: NDArray[Any], values: Floats) -> float:
        whole = float(alone(truth).mean())
        return 1 - float(pinball(level)(truth, values).mean()) / whole if whole else np.nan

    def interval(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
        return spared_interval(pinball(level)(truth, values), alone(truth), random)

    return formula, interval


def _poisson(truth: NDArray[Any], values: Floats) -> Floats:
    given = values[:, 0]
    if truth.min() < 0 or given.min() <= 0:
        return np.full(len(truth), np.nan)
    ratio = np.divide(truth, given, out=np.ones(len(truth)), where=truth > 0)
    found: Floats = np.maximum(2 * (np.where(truth > 0, truth * np.log(ratio), 0.0) - truth + given), 0.0)
    return found


def _gamma(truth: NDArray[Any], values: Floats) -> Floats:
    given = values[:, 0]
    if truth.min() <= 0 or given.min() <= 0:
        return np.full(len(truth), np.nan)
    found: Floats = np.maximum(2 * (np.log(given / truth) + truth / given - 1), 0.0)
    return found


def _mean_of(name: str, row: Row, highest: float = float("inf"), needs: str = "") -> Metric:
    def interval(truth: NDArray[Any], values: Floats, random: np.random.Generator) -> Interval | None:
        return mean_interval(row(truth, values), random)

    return Metric(
        name=name,
        task=Task.REGRESSION,
        formula=mean_over_rows(row),
        interval=interval,
        higher_is_better=False,
        highest=highest,
        needs=needs,
    )


def _spared(name: str, formula: Formula, interval: Estimate) -> Metric:
    return Metric(
        name=name,
        task=Task.REGRESSION,
        formula=formula,
        interval=interval,
        lowest=float("-inf"),
        highest=1.0,
    )


def _error_of(name: str, formula: Formula, interval: Estimate, needs: str = "") -> Metric:
    return Metric(
        name=name,
        task=Task.REGRESSION,
        formula=formula,
        interval=interval,
        higher_is_better=False,
        needs=needs,
    )


NUMBER_METRICS = (
    _mean_of("mape", _share_missed, needs="other values than 0"),
    _mean_of("smape", _symmetric, highest=2.0),
    _error_of("wape", _weighted_missed, _of_weighted, needs="some value other than 0"),
    _error_of("rmsle", _root_log, _of_root_log, needs="values above -1"),
    # The largest of all errors is that of these rows: it tells nothing of the largest elsewhere.
    _error_of("max_error", _max_error, lambda *_: None),
    _error_of("bias", _bias, _of_bias),
    _spared("explained_variance", _explained, _of_explained),
    *(_mean_of(f"pinball_{level}", pinball(level / 100)) for level in (10, 50, 90)),
    _spared("d2_absolute_error", *_d2(0.5)),
    _spared("d2_pinball_90", *_d2(0.9)),
    _mean_of("poisson_deviance", _poisson, needs="values of 0 or more"),
    _mean_of("gamma_deviance", _gamma, needs="values above 0"),
)

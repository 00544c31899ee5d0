"""How much better one model answers than another did, where both answered the very same rows.

What makes a row hard is the same for both, so only what they do differently counts: the interval of the
difference is far shorter than those of the two figures would make one think.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import absolute_error, each_class, hits, roc_auc, squared_error, surprise
from kervan.model.interval import LEVEL
from kervan.model.metric import Task
from kervan.model.metrics import METRICS, higher_is_better
from kervan.model.resampled import ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.formulas import Floats
    from kervan.model.metric import Metric

    # A figure, and how far each row pulls it, but for what is the same for all rows.
    Pulling = Callable[[NDArray[Any], Floats], tuple[float, Floats] | None]

FEWEST = 10  # rows: of fewer, no difference is told
_REACH = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A metric of two models' answers to the same rows, and the 95 % interval of the difference."""

    metric: str
    rows: int
    before: float
    after: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def verdict(self) -> str:
        """Say in a word what the interval shows: `better`, `worse`, or `no difference shown`."""
        if self.low <= 0 <= self.high:
            return "no difference shown"
        return "better" if (self.low > 0) == higher_is_better(self.metric) else "worse"


def paired(
    task: str,
    truth: NDArray[Any],
    before: Floats,
    after: Floats,
    labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> tuple[Paired, ...]:
    """Compare two models' answers to the same rows by the metrics of a task.

    `truth` has shape (rows,), codes of classes or numbers; answers (rows, classes) or (rows, 1). `labels` are
    the classes that were named before and after; without them the most probable ones are. Of shares of
    right answers the interval is that of A. Agresti and Y. Min, Statistics in Medicine 24 (2005), of all
    others Student's over what the rows pull; for areas under the ROC curve these are those of E. R. DeLong
    et al., Biometrics 44 (1988). Fewer than ten rows, and metrics that these cannot tell, give none.
    """
    if len(truth) < FEWEST:
        return ()
    names = (before, after) if labels is None else tuple(np.eye(before.shape[1])[each] for each in labels)
    found = [
        _compared(name, pull, truth, *(names if METRICS[name].by_label else (before, after)))
        for name, pull in _PULLS[Task(task)].items()
    ]
    return tuple(each for each in found if each is not None)


def paired_by(
    entry: Metric,
    truth: NDArray[Any],
    before: Floats,
    after: Floats,
    *,
    seed: int = 0,
) -> Paired | None:
    """Compare two models' answers to the same rows by one metric, whatever it is.

    Answers are as the metric looks at them: of one by label, 1 for the class that is named. Where `paired`
    has no formula for the interval, rows are resampled for both at once (see `kervan.model.resampled`).
    """
    if len(truth) < FEWEST:
        return None
    pull = _PULLS[entry.task].get(entry.name)
    if pull is not None:
        return _compared(entry.name, pull, truth, before, after)
    was, is_now = entry.formula(truth, before), entry.formula(truth, after)
    if not np.isfinite(was) or not np.isfinite(is_now):
        return None

    def apart(rows: NDArray[np.int64]) -> float:
        return entry.formula(truth[rows], after[rows]) - entry.formula(truth[rows], before[rows])

    found = ends(apart, len(truth), np.random.default_rng(seed)) or (is_now - was, is_now - was)
    low, high = min(found[0], is_now - was), max(found[1], is_now - was)
    return Paired(metric=entry.name, rows=len(truth), before=was, after=is_now, low=low, high=high)


def _compared(name: str, pull: Pulling, truth: NDArray[Any], before: Floats, after: Floats) -> Paired | None:
    from scipy.stats import t

    was, is_now = pull(truth, before), pull(truth, after)
    if was is None or is_now is None or not np.isfinite(was[0]) or not np.isfinite(is_now[0]):
        return None
    rows = len(truth)
    apart = is_now[1] - was[1]
    middle = is_now[0] - was[0]
    reach = float(t.ppf((1 + LEVEL) / 2, rows - 1) * apart.std(ddof=1) / np.sqrt(rows))
    low, high = middle - reach, middle + reach
    if name == "accuracy":
        low, high = _of_shares(int((apart > 0).sum()), int((apart < 0).sum()), rows)
    return Paired(metric=name, rows=rows, before=was[0], after=is_now[0], low=low, high=high)


def _of_shares(won: int, lost: int, rows: int) -> tuple[float, float]:
    """Return the interval of the difference of two shares of the same rows: half a row more in each case."""
    more, less, all_rows = won + 0.5, lost + 0.5, rows + 2
    middle = (more - less) / all_rows
    reach = _REACH * float(np.sqrt(more + less - (more - less) ** 2 / all_rows)) / all_rows
    return max(-1.0, middle - reach), min(1.0, middle + reach)


def _mean(loss: Callable[[NDArray[Any], Floats], Floats]) -> Pulling:
    def pull(truth: NDArray[Any], values: Floats) -> tuple[float, Floats]:
        losses = loss(truth, values)
        return float(losses.mean()), losses

    return pull


def _area(truth: NDArray[Any], values: Floats) -> tuple[float, Floats] | None:
    told = list(each_class(truth, values, roc_auc))
    if not told:
        return None
    return float(np.mean([area for area, *_ in told])), np.mean([pull for _, pull, _ in told], axis=0)


def _root(truth: NDArray[Any], values: Floats) -> tuple[float, Floats] | None:
    squares = squared_error(truth, values)
    root = float(np.sqrt(squares.mean()))
    return (root, (squares - squares.mean()) / (2 * root)) if 0 < root < np.inf else None


_PULLS: dict[Task, dict[str, Pulling]] = {
    Task.CLASSIFICATION: {"accuracy": _mean(hits), "roc_auc": _area, "log_loss": _mean(surprise)},
    Task.REGRESSION: {"mae": _mean(absolute_error), "rmse": _root},
}

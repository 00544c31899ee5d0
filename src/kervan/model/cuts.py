"""Thresholds of two classes: what each of them would give, and which of them is the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.goals import Costs

    # Rows rightly named, wrongly named, missed, and rightly left, for each cut, shape (cuts,).
    Criterion = Callable[[Floats, Floats, Floats, Floats], Floats]

_SHOWN = 100  # of the curve
_DIGITS = range(2, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How many rows of two classes would be named rightly and wrongly from a threshold on."""

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def rows(self) -> int:
        """All rows."""
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    def cost(self, costs: Costs, classes: tuple[str, ...]) -> float:
        """Return what a row costs on average."""
        (negative, alarm), (missed, positive) = costs.of_classes(classes)
        whole = self.true_negative * negative + self.false_positive * alarm
        whole += self.false_negative * missed + self.true_positive * positive
        return whole / self.rows


def curve(truth: NDArray[Any], values: Floats) -> tuple[Cut, ...]:
    """Return what thresholds in steps of 0.01 would give."""
    steps = np.arange(1, _SHOWN) / _SHOWN
    positive, negative = (np.sort(values[truth == place, 1]) for place in (1, 0))
    missed = np.searchsorted(positive, steps, side="left")
    left = np.searchsorted(negative, steps, side="left")
    return tuple(
        Cut(
            threshold=float(step),
            true_positive=len(positive) - int(below),
            false_positive=len(negative) - int(rest),
            false_negative=int(below),
            true_negative=int(rest),
        )
        for step, below, rest in zip(steps, missed, left, strict=True)
    )


def best_threshold(truth: NDArray[Any], values: Floats, criterion: Criterion, near: float = 0.5) -> float:
    """Return the threshold that a criterion likes best on these rows; of equal ones the nearest to `near`.

    It lies in the middle between two probabilities that occur, and is written with as few digits as can be.
    """
    order = np.argsort(-values[:, 1], kind="stable")
    given, signs = values[order, 1], truth[order] == 1
    ends = np.flatnonzero(np.append(given[1:] != given[:-1], True)) + 1  # so many rows are named
    cuts = np.concatenate([[0], ends])
    right = np.concatenate([[0], np.cumsum(signs)])[cuts].astype(np.float64)
    wrong = cuts - right
    found = criterion(right, wrong, right[-1] - right, wrong[-1] - wrong)
    upper = np.concatenate([[np.nextafter(max(1.0, given[0]), 2.0)], given[ends - 1]])
    lower = np.append(upper[1:], 0.0)
    middles = np.clip((upper + lower) / 2, 0.0, 1.0)
    equal = np.flatnonzero(found >= found.max() - 1e-12 * max(1.0, abs(float(found.max()))))
    place = int(equal[np.abs(middles[equal] - near).argmin()])
    return _shortest(float(lower[place]), float(min(upper[place], 1.0)), float(middles[place]))


def _shortest(lower: float, upper: float, middle: float) -> float:
    """Return the number with the fewest digits above `lower` and up to `upper`, near the middle."""
    for digits in _DIGITS:
        rounded = round(middle, digits)
        if lower < rounded <= upper:
            return rounded
    return middle


def criterion_of(name: str, costs: Costs, classes: tuple[str, ...]) -> Criterion:
    """Return what a threshold is chosen by; more of it is better."""
    if name in {"cost", "profit"}:
        (negative, alarm), (missed, positive) = costs.of_classes(classes)
        return lambda right, wrong, lost, left: (
            -(right * positive + wrong * alarm + lost * missed + left * negative)
        )
    return _CRITERIA[name]


def _f(beta: float) -> Criterion:
    def score(right: Floats, wrong: Floats, lost: Floats, _: Floats) -> Floats:
        return _ratio((1 + beta**2) * right, (1 + beta**2) * right + beta**2 * lost + wrong)

    return score


def _ratio(above: Floats, below: Floats) -> Floats:
    found: Floats = np.divide(above, below, out=np.zeros(above.shape), where=below != 0)
    return found


def _balanced(right: Floats, wrong: Floats, lost: Floats, left: Floats) -> Floats:
    return _ratio(right, right + lost) / 2 + _ratio(left, left + wrong) / 2


def _matthews(right: Floats, wrong: Floats, lost: Floats, left: Floats) -> Floats:
    spread = np.sqrt(right + wrong) * np.sqrt(right + lost) * np.sqrt(left + wrong) * np.sqrt(left + lost)
    return _ratio(right * left - wrong * lost, spread)


def _accuracy(right: Floats, wrong: Floats, lost: Floats, left: Floats) -> Floats:
    return _ratio(right + left, right + wrong + lost + left)


_CRITERIA: dict[str, Criterion] = {
    "f1": _f(1.0),
    "f05": _f(0.5),
    "f2": _f(2.0),
    "balanced_accuracy": _balanced,
    "matthews_corrcoef": _matthews,
    "accuracy": _accuracy,
}

"""ROC and precision-recall curves, thin enough to be kept and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.model.formulas import average_precision, compared, roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

POINTS = 200
_CLASSES = 6  # more curves in one picture cannot be told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve of one class against the rest, its area, and how many of the rows are of the class."""

    name: str
    area: float
    share: float
    xs: tuple[float, ...]
    ys: tuple[float, ...]


def roc_curves(answered: HeldOut) -> tuple[Curve, ...]:
    """Return for each class the share of its rows that are found (y) by that of others taken for it (x)."""
    return _curves(answered, _roc, lambda positive, values: roc_auc(positive, values)[0])


def precision_recall_curves(answered: HeldOut) -> tuple[Curve, ...]:
    """Return for each class how many of those answered so are right (y) by how many are found (x)."""
    return _curves(
        answered, _precision_recall, lambda positive, values: average_precision(positive, values)[0]
    )


def _curves(
    answered: HeldOut,
    trace: Callable[[NDArray[np.bool_], Floats], tuple[Floats, Floats]],
    area: Callable[[NDArray[np.bool_], Floats], float],
) -> tuple[Curve, ...]:
    """Draw a curve for the positive class of two, or for the most frequent of more."""
    counts = np.bincount(answered.truth, minlength=answered.values.shape[1])
    known = [place for place in compared(answered.values) if 0 < counts[place] < len(answered.truth)]
    chosen = sorted(sorted(known, key=lambda place: -counts[place])[:_CLASSES])
    found = []
    for place in chosen:
        positive, values = answered.truth == place, answered.values[:, place]
        xs, ys = thin(*trace(positive, values))
        found.append(
            Curve(
                name=answered.signature.output.allowed[place],
                area=area(positive, values),
                share=float(positive.mean()),
                xs=tuple(np.round(xs, 5).tolist()),
                ys=tuple(np.round(ys, 5).tolist()),
            )
        )
    return tuple(found)


def thin(xs: Floats, ys: Floats, most: int = POINTS) -> tuple[Floats, Floats]:
    """Return at most so many points of a curve, equally far along it, with both its ends."""
    if len(xs) <= most:
        return xs, ys
    length = np.concatenate([[0.0], (np.abs(np.diff(xs)) + np.abs(np.diff(ys))).cumsum()])
    places = np.unique(np.searchsorted(length, np.linspace(0, length[-1], most)))
    places[0], places[-1] = 0, len(xs) - 1
    return xs[places], ys[places]


def _counted(positive: NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    """Return how many rows of the class and of others are at or above each threshold, from the highest."""
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # rows of one value go together
    ups = positive[order].cumsum()[last].astype(np.float64)
    return ups, last + 1 - ups


def _roc(positive: NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    ups, downs = _counted(positive, values)
    zero = np.zeros(1)
    return np.concatenate([zero, downs / downs[-1]]), np.concatenate([zero, ups / ups[-1]])


def _precision_recall(positive: NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    ups, downs = _counted(positive, values)
    precision = ups / (ups + downs)
    return np.concatenate([[0.0], ups / ups[-1]]), np.concatenate([precision[:1], precision])

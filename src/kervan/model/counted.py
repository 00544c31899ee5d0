"""Figures that follow from how often each class was named for each true one, and their intervals.

A figure's variance is that of its first-order expansion in the shares of the rows (the infinitesimal
jackknife; B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 6), at counts to
which as many rows are added, all over, as there are classes: where hardly any answer is wrong, or none is
right, the rows show no variance. It corrects the formula of a mean of shares of independent rows, as
`kervan.model.shares.corrected` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.model.formulas import Floats, Formula
from kervan.model.interval import Interval
from kervan.model.metric import without_chance
from kervan.model.shares import corrected
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.model.metric import Estimate

# Of each class: rows that are it and were named so, that were named so, that are it; and all rows.
Counts = tuple[Floats, Floats, Floats, float]
Figure = Callable[[Counts], float]
OfClass = Callable[[Counts], Floats]

_STEP = 1e-4  # of all rows: so much is added to a count to see what it pulls


def of_rows(figure: Figure) -> Formula:
    """Make a metric of a figure of counts."""
    return lambda truth, values: figure(_counts(_table(truth, values)))


def by_counts(figure: Figure, telling: OfClass, lowest: float) -> Estimate:
    """Return what finds the interval of a figure of counts that lies between `lowest` and 1.

    `telling` are the rows whose share, of each class that matters, the figure is about. There is no interval
    where fewer than two classes occur.
    """
    span = 1.0 - lowest

    def interval(truth: NDArray[Any], values: Floats) -> Interval | None:
        table = _table(truth, values)
        counts = _counts(table)
        rows = telling(counts)
        rows = rows[rows > 0]
        if np.count_nonzero(counts[2]) < 2 or not len(rows):
            return None
        found = corrected(
            (figure(counts) - lowest) / span,
            lambda true: true * (1 - true) * float(np.sum(1 / rows)) / len(rows) ** 2,
            _variance(figure, table + 1 / len(table)) / span**2,
            float(rows.min()),
        )
        return Interval(low=lowest + span * found.low, high=lowest + span * found.high)

    return without_chance(interval)


def _table(truth: NDArray[Any], values: Floats) -> Floats:
    """Return how many rows of each class (row) were named so (column)."""
    classes = values.shape[1]
    counted = np.bincount(truth * classes + chosen(values), minlength=classes**2)
    return counted.reshape(classes, classes).astype(np.float64)


def _counts(table: Floats) -> Counts:
    return np.diag(table), table.sum(axis=0), table.sum(axis=1), float(table.sum())


def _variance(figure: Figure, table: Floats) -> float:
    """Return the figure's variance by how a row of each cell pulls at it, through all counts it is in."""
    both, named, true, rows = _counts(table)
    known, step = figure((both, named, true, rows)), _STEP * rows
    steps = step * np.eye(len(table))
    of_both = np.array([figure((both + more, named, true, rows)) for more in steps])
    of_named = np.array([figure((both, named + more, true, rows)) for more in steps])
    of_true = np.array([figure((both, named, true + more, rows)) for more in steps])
    of_rows = figure((both, named, true, rows + step))
    pulled = np.diag(of_both - known) + (of_named - known) + (of_true - known)[:, None] + (of_rows - known)
    return float((table * np.square(pulled)).sum()) / step**2

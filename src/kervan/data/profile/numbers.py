"""The figures of a column of numbers, added up batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.data.profile.families.choose import family_of
from kervan.data.profile.hashes import HashSample
from kervan.data.profile.nouns import HISTOGRAM_BINS, STEPS, NumberProfile
from kervan.data.profile.quantiles import Ordered, Quantiles

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.data.profile.bounds import Bounds

FENCE = 1.5  # Tukey's rule: so many interquartile ranges beyond the quartiles lie the outliers
FAMILY_VALUES = 5000
_EXACT_WHOLE = 2**53  # beyond it doubles tell whole numbers apart no more


class NumberTally:
    """Takes batches of a column of numbers."""

    def __init__(self, bounds: Bounds) -> None:
        self.count = self.missing = 0
        self.is_whole = True
        self.is_rising = True  # whole numbers, each larger than the one before, none missing
        self._bounds = bounds
        self._quantiles = Quantiles(bounds.values, bounds.width)
        self._hashes = HashSample(bounds.hashes)
        self._moments = Moments()
        self._last: float | None = None
        self._ends: list[float] = []
        self._distinct: int | None = None

    def add(self, values: pl.Series) -> None:
        """Take the values of one batch; NaN is missing."""
        present = values.drop_nulls().drop_nans() if values.dtype.is_float() else values.drop_nulls()
        self.missing += len(values) - len(present)
        self.count += len(present)
        if not len(present):
            return
        self._rises(present, has_gaps=len(present) < len(values) or values.dtype.is_float())
        numbers = present.to_numpy().astype(np.float64, copy=False)
        low, high = float(numbers.min()), float(numbers.max())
        self._ends = [min([low, *self._ends]), max([high, *self._ends])]
        self._moments.add(numbers)
        self._quantiles.add(numbers)
        if not self._bounds.is_exact or max(-low, high) >= _EXACT_WHOLE:
            self._hashes.add(present.hash(seed=1).to_numpy())
        if values.dtype.is_float():
            self.is_whole = self.is_whole and bool((numbers == np.rint(numbers)).all())

    def finish(self) -> tuple[NumberProfile | None, int, float]:
        """Return the figures, the number of different values, and the latter's relative error."""
        if not self.count:
            return None, 0, 0.0
        ordered = self._quantiles.ordered()
        if ordered.upto is None and max(map(abs, self._ends)) < _EXACT_WHOLE:
            distinct, error = 1 + int(np.count_nonzero(np.diff(ordered.values))), 0.0
        else:
            distinct, error = self._hashes.distinct, self._hashes.error
        return self._figures(ordered, distinct), min(distinct, self.count), error

    def _rises(self, present: pl.Series, *, has_gaps: bool) -> None:
        if not self.is_rising:
            return
        first = present[0]
        follows = self._last is None or first > self._last
        each = present.to_numpy()
        self.is_rising = not has_gaps and follows and bool((each[1:] > each[:-1]).all())
        self._last = present[-1]

    def _figures(self, ordered: Ordered, distinct: int) -> NumberProfile:
        size, (low, high) = ordered.size, self._ends
        ranks = np.maximum(1, -(-np.arange(STEPS + 1) * size // STEPS))
        points = ordered.at(ranks)
        points[0], points[-1] = low, high
        lower, upper = points[STEPS // 4], points[3 * STEPS // 4]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation, skew = self._moments.figures()
            reach = FENCE * (upper - lower)
            inside = ordered.not_above(np.array([upper + reach])) - ordered.under(np.array([lower - reach]))
            is_flat = not np.isfinite(high - low) or high == low
        edges, counts = _histogram(ordered, low, high, is_flat=is_flat)
        middle = ordered.at(np.array([(size - 1) // 2 + 1, size // 2 + 1]))
        zero = np.zeros(1)
        return NumberProfile(
            minimum=low,
            maximum=high,
            mean=mean,
            median=float(middle[0] / 2 + middle[1] / 2),
            deviation=deviation,
            skew=skew,
            quantiles=tuple(points.tolist()),
            below=tuple((ordered.under(points) / size).tolist()),
            upto=tuple((ordered.not_above(points) / size).tolist()),
            edges=edges,
            counts=counts,
            outliers=float(1 - inside[0] / size),
            family=family_of(spread(ordered), is_whole=self.is_whole, distinct=distinct),
            zeros=float(((ordered.not_above(zero) - ordered.under(zero)) / size)[0]),
            error=ordered.error,
        )


class Moments:
    """Mean and central moments of batches, merged without loss of digits.

    After P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
    statistical moments", Sandia SAND2008-6212.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._second = self._third = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """Take one batch."""
        with np.errstate(over="ignore", invalid="ignore"):
            size, mean = len(values), float(values.mean())
            apart = values - mean
            squares = apart * apart
            second, third = float(squares.sum()), float((squares * apart).sum())
            self._merge(size, mean, second, third)

    def _merge(self, size: int, mean: float, second: float, third: float) -> None:
        before, both = self._count, self._count + size
        delta = np.float64(mean - self._mean)  # whose powers become infinite where Python's raise
        self._third += third + delta**3 * before * size * (before - size) / both**2
        self._third += 3 * delta * (before * second - size * self._second) / both
        self._second += second + delta**2 * before * size / both
        self._mean += delta * size / both
        self._count = both

    def figures(self) -> tuple[float | None, float | None, float | None]:
        """Return mean, standard deviation (n - 1) and skew (population's, Fisher-Pearson)."""
        variance = np.float64(self._second / self._count)
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = np.sqrt(self._second / (self._count - 1)) if self._count > 1 else np.nan
            skew = self._third / self._count / variance**1.5 if variance > 0 else np.nan
        return _finite(self._mean), _finite(deviation), _finite(skew)


def spread(ordered: Ordered, most: int = FAMILY_VALUES) -> NDArray[np.float64]:
    """Return at most so many values, at levels of equal distance."""
    if ordered.upto is None and ordered.size <= most:
        return ordered.values
    return ordered.levels((np.arange(most) + 0.5) / most)


def _histogram(
    ordered: Ordered, low: float, high: float, *, is_flat: bool
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if is_flat:
        return (low, high), (ordered.size,)
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    under = ordered.under(edges)
    under[0], under[-1] = 0, ordered.size
    counts = np.diff(np.rint(under)).astype(int)
    return tuple(edges.tolist()), tuple(counts.tolist())


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

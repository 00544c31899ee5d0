"""Means of figures without bounds, such as rewards, and how far one lies above another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHARPEST_AT = 1000  # figures: where the interval is narrowest for its chance
LEAST = 30  # figures of each side: with fewer, a mean is not near enough to normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """A number of figures, their mean, the sum of their squared distances from it, and their extremes."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf

    def plus(self, figures: Iterable[float]) -> Moments:
        """Return these and more figures together (B. P. Welford, Technometrics 4 (3), 1962).

        >>> Moments().plus([1.0, 2.0, 3.0]).variance
        1.0
        """
        count, mean, squares = self.count, self.mean, self.squares
        lowest, highest = self.lowest, self.highest
        for figure in figures:
            count += 1
            away = figure - mean
            mean += away / count
            squares += away * (figure - mean)
            lowest, highest = min(lowest, figure), max(highest, figure)
        return Moments(count=count, mean=mean, squares=squares, lowest=lowest, highest=highest)

    @property
    def variance(self) -> float:
        """The sample's variance; 0 of fewer than two."""
        return self.squares / (self.count - 1) if self.count > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean or a difference, its standard error, and from how many figures it comes.

    The interval and the e-value are asymptotic confidence sequences: right at all times together once there
    are many figures, for figures of any distribution with a variance. With ρ² = (ln(1/α²) +
    ln(ln(1/α²) + 1)) / 1000, t figures, standard error s and estimate x,

        x ± s √((tρ² + 1) / (tρ²) · (ln(tρ² + 1) + 2 ln(1/α)))

    (I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, Time-uniform central limit theory and
    asymptotic confidence sequences, Annals of Statistics 52 (6), 2024, who also say how to choose ρ).
    """

    value: float
    error: float
    count: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return both ends, for a chance of at most `alpha` that they are ever wrong."""
        grown = self.count * _precision(alpha)
        wide = self.error * math.sqrt((grown + 1) / grown * (math.log(grown + 1) - 2 * math.log(alpha)))
        return self.value - wide, self.value + wide

    def log_below(self, bound: float, alpha: float) -> float:
        """Return the logarithm of the e-value against "at least `bound`".

        It is log(1/α) where the interval ends at the bound: that is made of it (H. Robbins, Annals of
        Mathematical Statistics 41, 1970).
        """
        return self._log_beyond(bound - self.value, alpha)

    def log_above(self, bound: float, alpha: float) -> float:
        """Return the same against "at most `bound`"."""
        return self._log_beyond(self.value - bound, alpha)

    def _log_beyond(self, apart: float, alpha: float) -> float:
        if apart <= 0:
            return 0.0
        if self.error == 0:
            return math.inf
        grown = self.count * _precision(alpha)
        return (grown / (grown + 1) * (apart / self.error) ** 2 - math.log(grown + 1)) / 2


def mean_of(one: Moments) -> Estimate | None:
    """Return the mean of one sample, None where there are too few figures."""
    if one.count < LEAST:
        return None
    return Estimate(value=one.mean, error=math.sqrt(one.variance / one.count), count=one.count)


def difference_of(new: Moments, old: Moments) -> Estimate | None:
    """Return how far the mean of `new` lies above that of `old`, two samples dealt out by chance.

    None where there are too few figures. The variances of both need not be equal (Welch).
    """
    if min(new.count, old.count) < LEAST:
        return None
    error = math.sqrt(new.variance / new.count + old.variance / old.count)
    return Estimate(value=new.mean - old.mean, error=error, count=new.count + old.count)


def _precision(alpha: float) -> float:
    twice = -2 * math.log(alpha)
    return (twice + math.log(twice + 1)) / _SHARPEST_AT
